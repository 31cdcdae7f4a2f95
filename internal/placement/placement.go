// Package placement says which components do not fit where the workers of a task run: how many there are, and whether in one
// process [E2]. The command line asks before anything runs, and a worker before it opens anything, so that both say the same.
package placement

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// Workers are those of a task.
type Workers struct {
	// Count is how many there are.
	Count int
	// Isolated is set where each runs in a process of its own.
	Isolated bool
	// InOrder is set where they keep transactions of one key in order.
	InOrder bool
}

// Of returns the workers that the policies of a task ask for.
func Of(cfg ergon.TaskConfig) Workers {
	return Workers{
		Count: cfg.Workers.Count, Isolated: cfg.Workers.Isolation == policy.IsolationProcess,
		InOrder: cfg.Consumer.Loop.Ordering == policy.OrderingKey,
	}
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
		d, err := capability.DeclarationOf(c.Value)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s does not say what it is: %w", c.Name, err))
			continue
		}
		if _, local := c.Value.(capability.ProcessLocal); local && w.Isolated {
			faults = append(faults, fmt.Errorf("workers.isolation: process, but %s keeps what it holds in the memory of one process, "+
				"where no other worker sees it and with which it is gone; use another connector, or isolation: goroutine", c.Name))
		}
		if w.Count > 1 && c.single(d) {
			faults = append(faults, fmt.Errorf("workers.count: is %d, but %s can have one worker only; set it to 1 and raise "+
				"loop.concurrency, because one worker uses all processors, or put a queue in between, which several workers can share",
				w.Count, c.Name))
		}
		if w.InOrder && c.Source {
			faults = append(faults, c.keepsOrder(w, d))
		}
	}
	return errors.Join(faults...)
}

// keepsOrder returns why transactions of one key could run at once or out of order [L8]: the source has not one of a key out at a
// time, and the engine cannot see to it, because this worker is not the only one that gets the key.
func (c Component) keepsOrder(w Workers, d capability.Declaration) error {
	_, local := c.Value.(capability.ProcessLocal)
	const fault = "consumer.loop.ordering: key, but %s does not keep the transactions of a key in order between its readers; "
	switch {
	case d.Order == capability.OrderKey || d.Sharing == capability.SharingSingle:
		return nil
	case local || d.Sharing == capability.SharingDivided:
		if w.Count <= 1 {
			return nil
		}
		return fmt.Errorf(fault+"set workers.count to 1, or use a source that does, such as a queue in a file", c.Name)
	default:
		return fmt.Errorf(fault+"use a source that does, such as a queue in a file", c.Name)
	}
}

// single reports whether each worker would get all of a source, or would write over what another writes.
func (c Component) single(d capability.Declaration) bool {
	_, declares := c.Value.(capability.Declarer)
	return (declares || c.Source) && d.Sharing == capability.SharingSingle
}
