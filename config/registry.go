package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"

	"github.com/ergon-go/ergon"
)

// Registry defines the names in a configuration: tasks, and types of connectors and services. Register everything before it is
// used; registration is not safe for concurrent use. [Registry.Err] and loading a configuration report faults of registrations.
type Registry struct {
	tasks      []RegisteredTask
	connectors []RegisteredType
	services   []RegisteredType
	sections   []RegisteredSection
	sites      map[string]string // where what is registered
	faults     []error
}

// RegisteredTask is a task that a configuration can name.
type RegisteredTask struct {
	Name, Description string
	// Defaults is the struct that the settings are decoded onto; nil for a task without settings.
	Defaults any
	// New makes the task, with default settings if it has any.
	New func(*ergon.Dependencies) ergon.Task

	with func(settings any, d *ergon.Dependencies) ergon.Task
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{} }

// Clone returns a copy. Registrations on it do not change r.
func (r *Registry) Clone() *Registry {
	return &Registry{
		tasks: slices.Clone(r.tasks), connectors: slices.Clone(r.connectors), services: slices.Clone(r.services),
		sections: slices.Clone(r.sections), sites: maps.Clone(r.sites), faults: slices.Clone(r.faults),
	}
}

// Task registers the function that makes the task of that name. See [ergon.TaskConfig], and [Task] for a task with settings.
func (r *Registry) Task(name string, task func(*ergon.Dependencies) ergon.Task, description string) {
	r.check("task", name, callSite())
	if task == nil {
		r.faultf("task %q has no constructor", name)
	}
	r.tasks = append(r.tasks, RegisteredTask{Name: name, Description: description, New: task})
}

// Connector registers a type of connector. A configuration of that type is decoded onto a copy of defaults, a struct with yaml
// tags. If C or *C has a method Validate() error, that is called, and each *policy.Fault in its error is reported at its place;
// its path is relative to C. build makes a connector without I/O. It is called later, once for each worker. T determines the
// known capabilities of the type. If T is an interface, only its methods are known.
func Connector[C, T any](reg *Registry, typeName, description string, defaults C, build func(C) (T, error)) {
	reg.check("connector type", typeName, callSite())
	reg.connectors = append(reg.connectors, register(reg, typeName, description, defaults, build))
}

// Service registers a type of service, as [Connector] does for connectors.
func Service[C, T any](reg *Registry, typeName, description string, defaults C, build func(C) (T, error)) {
	reg.check("service type", typeName, callSite())
	reg.services = append(reg.services, register(reg, typeName, description, defaults, build))
}

func register[C, T any](reg *Registry, name, description string, defaults C, build func(C) (T, error)) RegisteredType {
	if build == nil {
		reg.faultf("type %q has no function that builds it", name)
	}
	for _, fault := range configurable(reflect.TypeFor[C]()) {
		reg.faultf("type %q: %s", name, fault)
	}
	return RegisteredType{
		Name:        name,
		Description: description,
		Defaults:    defaults,
		Product:     reflect.TypeFor[T](),
		build:       func(c any) (any, error) { return build(c.(C)) }, //nolint:forcetypeassert // it is made of defaults
	}
}

// Tasks returns the registered tasks in the order of registration.
func (r *Registry) Tasks() []RegisteredTask { return slices.Clone(r.tasks) }

// Connectors returns the registered types of connectors in the order of registration.
func (r *Registry) Connectors() []RegisteredType { return slices.Clone(r.connectors) }

// Services returns the registered types of services in the order of registration.
func (r *Registry) Services() []RegisteredType { return slices.Clone(r.services) }

// Err returns all faults of the registrations; nil if there is none.
func (r *Registry) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return fmt.Errorf("registry: %w", errors.Join(r.faults...))
}

func (r *Registry) check(what, name, site string) {
	if !isIdentifier(name) {
		r.faultf("%s %q, registered in %s: %s", what, name, site, identifierRule)
	}
	key := what + " " + name
	if first, ok := r.sites[key]; ok {
		r.faultf("%s %q is registered twice, in %s and in %s; remove one or rename it", what, name, first, site)
		return
	}
	if r.sites == nil {
		r.sites = map[string]string{}
	}
	r.sites[key] = site
}

func (r *Registry) faultf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// callSite is where the caller of the function that calls it stands.
func callSite() string {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return "an unknown place"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}
