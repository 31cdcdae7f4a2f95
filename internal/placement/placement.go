// Package placement says which components do not fit where the workers of a task run: how many there are, and whether in one
// process [E2]. The command line asks before anything runs, and a worker before it opens anything, so that both say the same.
package placement

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// Workers are those of a task.
type Workers struct {
	// Count is how many there are.
	Count int
	// Isolated is set where each runs in a process of its own.
	Isolated bool
}

// Of returns the workers that a policy asks for.
func Of(p policy.Workers) Workers {
	return Workers{Count: p.Count, Isolated: p.Isolation == policy.IsolationProcess}
}

// Component is a connector or service that was made, and may not be open yet.
type Component struct {
	// Name is how a message names it: connector "input" (file).
	Name string
	// Source is set for the connector that the task's loop fetches from.
	Source bool
	Value  any
}

// Named returns connectors or services, kind says which, in the order of their names. types are their types by name, and
// source the name of the connector that is fetched from.
func Named(kind string, values map[string]any, types func(name string) string, source string) []Component {
	components := make([]Component, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		shown := fmt.Sprintf("%s %q", kind, name)
		if typ := types(name); typ != "" {
			shown += " (" + typ + ")"
		}
		components = append(components, Component{Name: shown, Source: name == source, Value: values[name]})
	}
	return components
}

// Check returns what does not fit, one error each, joined.
func Check(w Workers, components []Component) error {
	var faults []error
	for _, c := range components {
		if _, local := c.Value.(capability.ProcessLocal); local && w.Isolated {
			faults = append(faults, fmt.Errorf("workers.isolation: process, but %s keeps what it holds in the memory of one process, "+
				"where no other worker sees it and with which it is gone; use another connector, or isolation: goroutine", c.Name))
		}
		if w.Count > 1 && c.single() {
			faults = append(faults, fmt.Errorf("workers.count: is %d, but %s can have one worker only; set it to 1 and raise "+
				"loop.concurrency, because one worker uses all processors, or put a queue in between, which several workers can share",
				w.Count, c.Name))
		}
	}
	return errors.Join(faults...)
}

// single reports whether each worker would get all of a source, or would write over what another writes.
func (c Component) single() bool {
	_, declares := c.Value.(capability.Declarer)
	return (declares || c.Source) && capability.DeclarationOf(c.Value).Sharing == capability.SharingSingle
}
