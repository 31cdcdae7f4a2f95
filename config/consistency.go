package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// invalid reports what a Validate found; paths are relative to at.
func (d *decoder) invalid(err error, at *place) {
	for _, e := range each(err) {
		if fault := (*policy.Fault)(nil); errors.As(e, &fault) {
			d.faultBelow(at, fault.Path, fault.Problem)
			continue
		}
		d.faultBelow(at, "", e.Error())
	}
}

// faultBelow reports a problem of what a path leads to from at, or of the nearest thing around it that is written. A
// problem of a value that could not be decoded would only confuse, and is left out.
func (d *decoder) faultBelow(at *place, relative, problem string) {
	found, whole := at.nearest(relative)
	if whole && found.broken {
		return
	}
	found.breaks()
	d.report(found.line, found.col, at.under(relative), without(d.secrets, problem))
}

const (
	fetchConnector = "fetch.connector"
	deadLetter     = "loop.dead_letter"
)

// references checks that the connectors that a policy names are there and can do what they are named for. [C2]
func (d *decoder) references(t task) {
	if !connected(t) && !consumes(t) {
		return
	}
	loop := t.config.Consumer.Loop
	source := d.reference(t, fetchConnector, t.config.Consumer.Fetch.Connector, "add it, or name the connector to fetch from")
	if source != nil && lacks[ergon.Fetcher](source.typ) {
		d.unfit(t, fetchConnector, source, "nothing can be fetched from it", able[ergon.Fetcher](d.reg))
	}
	switch {
	case loop.OnException != policy.OnExceptionDeadLetter:
	case loop.DeadLetter == policy.DeadLetterSource:
		if source != nil && lacks[capability.Settler](source.typ) {
			d.unfit(t, deadLetter, source, "it keeps no dead letters", able[capability.Settler](d.reg))
		}
	default:
		sink := d.reference(t, deadLetter, loop.DeadLetter, `add it, or set dead_letter to "source" for a source that keeps its `+
			"dead letters, or on_exception to requeue or discard")
		if sink != nil && lacks[ergon.Dispatcher](sink.typ) {
			d.unfit(t, deadLetter, sink, "nothing can be sent to it", able[ergon.Dispatcher](d.reg))
		}
	}
}

// connected reports whether what a consuming loop needs by default is there and fits. Then it need not be asked whether
// the task has such a loop.
func connected(t task) bool {
	fits := func(name string, lacks func(RegisteredType) bool) bool {
		return slices.ContainsFunc(t.connectors, func(c component) bool { return c.name == name && c.typ.Name != "" && !lacks(c.typ) })
	}
	consumer := t.config.Consumer
	return fits(consumer.Fetch.Connector, lacks[ergon.Fetcher]) && fits(consumer.Loop.DeadLetter, lacks[ergon.Dispatcher])
}

// consumes reports whether the task has a loop that consumes, as far as that can be seen.
func consumes(t task) bool {
	switch t.config.Kind() {
	case producer, "custom":
		return false
	case "unknown":
		_, written := t.at.children["consumer"]
		return written
	default:
		return true
	}
}

// reference finds the connector that a key of the policy names; nil where it has a fault, whoever reported that.
func (d *decoder) reference(t task, key, name, cure string) *component {
	i := slices.IndexFunc(t.connectors, func(c component) bool { return c.name == name })
	switch {
	case i >= 0 && t.connectors[i].typ.Name == "":
		return nil
	case i >= 0:
		return &t.connectors[i]
	case name == "" || len(t.connectors) == 0 && t.at.at("connectors").broken:
		return nil
	}
	consumer := t.at.at("consumer")
	if _, written := consumer.nearest(key); !written {
		cure = "it is the default: " + cure
	}
	names := make([]string, len(t.connectors))
	for i := range t.connectors {
		names[i] = t.connectors[i].name
	}
	d.faultBelow(consumer, key, unknown("connector", "connectors", name, names)+"; "+cure)
	return nil
}

func (d *decoder) unfit(t task, key string, c *component, why string, able []string) {
	d.faultBelow(t.at.at("consumer"), key, fmt.Sprintf("is the connector %q of type %s, but %s; %s",
		c.name, c.typ.Name, why, knownOnes("connector types that can", able)))
}

// able returns the connector types that may be a T.
func able[T any](reg *Registry) []string {
	return namesOf(slices.DeleteFunc(reg.Connectors(), lacks[T]))
}
