package ergon

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
)

// Dependencies has the opened connectors and services of a worker, by name. The function that makes a task takes them from it. It
// is not safe for concurrent use: one goroutine uses it while the task is made.
type Dependencies struct {
	connectors map[string]any
	services   map[string]any
	coalescers map[string]Dispatcher
	logger     *slog.Logger
	faults     []error
}

// NewDependencies is for workers and tests. A nil logger means slog.Default().
func NewDependencies(connectors, services map[string]any, logger *slog.Logger) *Dependencies {
	if logger == nil {
		logger = slog.Default()
	}
	return &Dependencies{connectors: connectors, services: services, logger: logger}
}

// Logger returns the worker's logger. If a record is logged with the context of a handler, it has the task, the worker, and the
// ids of the transaction, the trace and the span.
func (d *Dependencies) Logger() *slog.Logger { return d.logger }

// HasConnector reports whether a connector of that name is configured. It is for an optional connector.
func (d *Dependencies) HasConnector(name string) bool {
	_, has := d.connectors[name]
	return has
}

// DispatchThrough sets replacements of all connectors that can dispatch, by name. [UseConnector] returns the replacement if the
// task asks for an interface that only dispatches. It is for workers.
func (d *Dependencies) DispatchThrough(coalescers map[string]Dispatcher) { d.coalescers = coalescers }

// Fault adds a fault that the task itself found while it was made. A nil err adds nothing.
func (d *Dependencies) Fault(err error) {
	if err != nil {
		d.faults = append(d.faults, err)
	}
}

// Err returns all faults found so far, joined; nil if there are none.
func (d *Dependencies) Err() error { return errors.Join(d.faults...) }

// UseService returns the service of that name as a T: an interface that it implements, or its own type. If there is no such
// service, UseService returns the zero T and adds a fault to d. A run reports all faults at once before it processes anything.
func UseService[T any](d *Dependencies, name string) T { return use[T](d, "service", d.services, name) }

// UseConnector returns the connector of that name as a T, such as [Dispatcher]. If there is no such connector, UseConnector
// returns the zero T and adds a fault to d.
//
// If a task asks for a Dispatcher, all transactions of its worker share it. If the task produces, dispatches that start during a
// call are merged into the next call, within the limits of producer.loop.batch. Each dispatch returns when its own transactions
// are durable. If a task asks for the connector's own type, or for an interface with more methods than a Dispatcher, it gets the
// connector itself.
func UseConnector[T any](d *Dependencies, name string) T {
	typed := use[T](d, "connector", d.connectors, name)
	if t := reflect.TypeFor[T](); t.Kind() != reflect.Interface || t.NumMethod() == 0 {
		return typed
	}
	if _, found := d.connectors[name].(T); found {
		if coalescer, ok := d.coalescers[name].(T); ok {
			return coalescer
		}
		if d.coalescers != nil && reflect.TypeFor[T]() == reflect.TypeFor[Dispatcher]() {
			d.Fault(fmt.Errorf("connector %q is a %T that cannot dispatch as it is configured, or to this server", name, typed))
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
