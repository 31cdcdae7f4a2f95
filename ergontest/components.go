package ergontest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
)

// components are connectors and services in the order in which a worker opens them: services first, each by name.
type components []component

type component struct {
	name  string
	value any
	held  bool // there may be something to close
}

func (r *run) components(source ergon.Fetcher) components {
	var all components
	for _, of := range []struct {
		kind   string
		values map[string]any
	}{{"service", r.rig.Services}, {"connector", r.rig.Connectors}} {
		for _, name := range slices.Sorted(maps.Keys(of.values)) {
			all = append(all, component{name: fmt.Sprintf("%s %q", of.kind, name), value: of.values[name]})
		}
	}
	return append(all, component{name: "the rig's source", value: source})
}

func (c components) open(ctx context.Context) error {
	for i := range c {
		c[i].held = true
		opener, ok := c[i].value.(ergon.Opener)
		if !ok {
			continue
		}
		if err := opener.Open(ctx); err != nil {
			return fmt.Errorf("open %s: %w", c[i].name, err)
		}
	}
	return nil
}

// close closes in the reverse order.
func (c components) close(ctx context.Context) error {
	var errs []error
	for _, one := range slices.Backward(c) {
		closer, ok := one.value.(ergon.Closer)
		if !ok || !one.held {
			continue
		}
		if err := closer.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", one.name, err))
		}
	}
	return errors.Join(errs...)
}
