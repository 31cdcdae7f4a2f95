package ergontest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// producing is the loop of a task that only produces: what was given, or what it says itself.
func (r *run) producing(settings pipeline.Settings, transactions []ergon.Transaction) (*pipeline.Producer, error) {
	r.source = nil
	sequence := r.task.Transactions
	if len(transactions) > 0 {
		sequence = func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				for _, tx := range transactions {
					if !yield(tx, nil) {
						return
					}
				}
			}
		}
	}
	return pipeline.NewProducer(settings, sequence)
}

// exactProducer leaves out of a policy what is left to chance.
func exactProducer(p policy.Producer) policy.Producer {
	for _, retry := range []*policy.Retry{&p.Prepare.Retry, &p.Success.Retry, &p.Exception.Retry} {
		retry.Jitter = 0
	}
	return p
}

// coalescers stand before the connectors that a task dispatches to, by name, and join what it dispatches at once.
type coalescers map[string]*coalesce.Coalescer

// before has the task that is made with d dispatch through coalescers. They join nothing until it is known that it produces.
func (r *run) before(d *ergon.Dependencies) coalescers {
	all, through := coalescers{}, map[string]ergon.Dispatcher{}
	for name, value := range r.rig.Connectors {
		if to, ok := capability.As[ergon.Dispatcher](value); ok {
			all[name] = coalesce.New(to, policy.ProducerBatch{Size: 1})
			through[name] = all[name]
		}
	}
	d.DispatchThrough(through)
	return all
}

func (o coalescers) join(batch policy.ProducerBatch) {
	for _, one := range o {
		one.SetBatch(batch)
	}
}

func (o coalescers) flush(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if err := o[name].Flush(ctx); err != nil {
			errs = append(errs, fmt.Errorf("flush what was dispatched to connector %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
