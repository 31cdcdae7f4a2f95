// Package placement checks whether the components of a task fit the number and the isolation of its workers [E2]. The command
// line checks before anything runs, and a worker before it opens anything. So both return the same errors.
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

// Workers describes the workers of a task.
type Workers struct {
	// Count is how many there are.
	Count int
	// Isolated is set if each runs in its own process.
	Isolated bool
	// InOrder is set if they keep the transactions of a key in order.
	InOrder bool
}

// Of returns the workers that the policies of a task ask for.
func Of(cfg ergon.TaskConfig) Workers {
	return Workers{
		Count: cfg.Workers.Count, Isolated: cfg.Workers.Isolation == policy.IsolationProcess,
		InOrder: cfg.Consumer.Loop.Ordering == policy.OrderingKey,
	}
}

// Component is a connector or service. It need not be open.
type Component struct {
	// Name is its name in errors, for instance: connector "input" (file).
	Name string
	// Source is set for the connector that the task's loop fetches from.
	Source bool
	Value  any
}

// Named returns the components of a kind, "connector" or "service", in the order of their names. types returns the type of a
// name, and source is the name of the connector that the loop fetches from.
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

// Check returns the components that do not fit, one error for each, joined.
func Check(w Workers, components []Component) error {
	var faults []error
	for _, c := range components {
		d, err := capability.DeclarationOf(c.Value)
		if err != nil {
			faults = append(faults, fmt.Errorf("read the declaration of %s: %w", c.Name, err))
			continue
		}
		if _, local := capability.As[capability.ProcessLocal](c.Value); local && w.Isolated {
			faults = append(faults, fmt.Errorf("workers.isolation: process, but %s keeps its data in the memory of one process: "+
				"no other worker sees the data, and it is lost when the process ends; use another connector, or isolation: goroutine", c.Name))
		}
		if w.Count > 1 && c.single(d) {
			faults = append(faults, fmt.Errorf("workers.count: is %d, but %s can have one worker only; set it to 1 and raise "+
				"loop.concurrency, because one worker uses all processors, or put a queue in between, which several workers can share",
				w.Count, c.Name))
		}
		if w.InOrder && c.Source {
			faults = append(faults, c.checkOrder(w, d))
		}
	}
	return errors.Join(faults...)
}

// checkOrder returns an error if transactions of one key could run at the same time or out of order [L8]: the source delivers
// more than one of a key at a time, and the engine cannot prevent that, because several workers get transactions of the key.
func (c Component) checkOrder(w Workers, d capability.Declaration) error {
	_, local := capability.As[capability.ProcessLocal](c.Value)
	const fault = "consumer.loop.ordering: key, but %s does not keep the transactions of a key in order between its readers; "
	switch {
	case d.Order == capability.OrderKey || d.Order == capability.OrderPartition || d.Sharing == capability.SharingSingle:
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

// single reports whether only one worker can use c: others would read the same transactions, or overwrite its output.
func (c Component) single(d capability.Declaration) bool {
	_, declares := capability.As[capability.Declarer](c.Value)
	return (declares || c.Source) && d.Sharing == capability.SharingSingle
}
