package ergon

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
)

// Dependencies is what a worker injects into a task: opened connectors and services, by name. It is used by one goroutine,
// while the task is made.
type Dependencies struct {
	connectors map[string]any
	services   map[string]any
	coalescers map[string]Dispatcher
	logger     *slog.Logger
	faults     []error
}

// NewDependencies is for workers and tests. A nil logger means slog.Default.
func NewDependencies(connectors, services map[string]any, logger *slog.Logger) *Dependencies {
	if logger == nil {
		logger = slog.Default()
	}
	return &Dependencies{connectors: connectors, services: services, logger: logger}
}

// Logger returns the worker's logger. Its records carry task, worker, transaction, trace and span ids when they are
// logged with a handler's context.
func (d *Dependencies) Logger() *slog.Logger { return d.logger }

// HasConnector reports whether a connector of that name is configured: for one that a task can do without.
func (d *Dependencies) HasConnector(name string) bool {
	_, has := d.connectors[name]
	return has
}

// DispatchThrough has the task that asks for a connector by an interface of dispatching get what stands before it instead. It
// is for workers.
func (d *Dependencies) DispatchThrough(coalescers map[string]Dispatcher) { d.coalescers = coalescers }

// Fault adds a fault of the task's own, found while it is made.
func (d *Dependencies) Fault(err error) {
	if err != nil {
		d.faults = append(d.faults, err)
	}
}

// Err returns all faults found so far.
func (d *Dependencies) Err() error { return errors.Join(d.faults...) }

// UseService returns the service of that name as a T: an interface that it implements or its own type. Where there is
// none the zero T is returned and the fault is collected in d, so that all faults are reported at once.
func UseService[T any](d *Dependencies, name string) T { return use[T](d, "service", d.services, name) }

// UseConnector returns the connector of that name as a T, such as [Dispatcher]. Faults are collected in d.
//
// As a Dispatcher it is the worker's: where the task produces, dispatches that come while a call is under way make the next call
// together, as producer.loop.batch says, and each of them returns when its own transactions are durable. Whoever asks for
// the connector's own type, or for an interface with more than dispatching in it, gets the connector itself.
func UseConnector[T any](d *Dependencies, name string) T {
	typed := use[T](d, "connector", d.connectors, name)
	if t := reflect.TypeFor[T](); t.Kind() != reflect.Interface || t.NumMethod() == 0 {
		return typed
	}
	if _, found := d.connectors[name].(T); found {
		if coalescer, ok := d.coalescers[name].(T); ok {
			return coalescer
		}
	}
	return typed
}

func use[T any](d *Dependencies, kind string, from map[string]any, name string) T {
	found, ok := from[name]
	if !ok {
		d.Fault(fmt.Errorf("%s %q is not configured; configured are %q", kind, name, slices.Sorted(maps.Keys(from))))
		var none T
		return none
	}
	typed, ok := found.(T)
	if !ok {
		d.Fault(fmt.Errorf("%s %q is a %T, which is not the %s that the task needs", kind, name, found, reflect.TypeFor[T]()))
	}
	return typed
}
