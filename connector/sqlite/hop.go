package sqlite

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// SharesStore reports whether to, or what it wraps and gives away by a method Unwrap() ergon.Dispatcher, is a queue or a store
// of dead letters that is open in this process on the same file.
func (q *Queue) SharesStore(to ergon.Dispatcher) bool {
	store := q.store.Load()
	switch to := unwrapped(to).(type) {
	case *Queue:
		return store != nil && to.store.Load() == store
	case *DeadLetters:
		return store != nil && to.store.Load() == store
	default:
		return false
	}
}

func unwrapped(d ergon.Dispatcher) ergon.Dispatcher {
	for {
		wrapper, ok := d.(interface{ Unwrap() ergon.Dispatcher })
		if !ok {
			return d
		}
		d = wrapper.Unwrap()
	}
}

// HopTransactions settles deliveries and dispatches what came out of them, all in one transaction. A *BatchError names the
// hops of which nothing took effect: with ergon.ErrStaleDelivery where the delivery was settled before or its lease has run
// out, with another error where an output can never be stored.
func (q *Queue) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	outputs := make([][]output, len(batch))
	var unfit failures
	for i := range batch {
		var err error
		if outputs[i], err = q.outputs(batch[i].Outputs); err != nil {
			unfit.add(i, err)
		}
	}
	if len(unfit) == len(batch) {
		return unfit.err()
	}
	var failed failures
	err := q.write(ctx, "hop", func(t *tx) error {
		failed = nil
		now := q.micros()
		var effects effects
		for i := range batch {
			refused, err := unfit[i], error(nil)
			if refused == nil {
				refused, err = q.hop(t, now, &batch[i].Settlement, outputs[i], &effects)
			}
			if err != nil {
				return err
			}
			if refused != nil {
				failed.add(i, fmt.Errorf("%s: transaction %s: %w", q.what, batch[i].Settlement.Transaction.ID(), refused))
			}
		}
		if err := effects.write(t, now); err != nil {
			return err
		}
		return q.forget(t, now, 2*len(batch))
	})
	if err != nil {
		return err
	}
	return failed.err()
}

// output is what one hop has for one connector, ready to be stored.
type output struct {
	queue   *Queue // where the items go
	items   []item
	letters []letter
}

func (q *Queue) outputs(all []capability.Output) ([]output, error) {
	encoded := make([]output, len(all))
	for i, out := range all {
		if !q.SharesStore(out.To) {
			return nil, fmt.Errorf("an output goes to a %T, which is not in the same file; dispatch it by itself", out.To)
		}
		var failed failures
		switch to := unwrapped(out.To).(type) {
		case *Queue:
			encoded[i].queue = to
			encoded[i].items, failed = to.encode(out.Transactions)
		case *DeadLetters:
			encoded[i].letters, failed = to.encode(out.Transactions)
		}
		if err := failed.err(); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

// effects are the outputs of all hops of a batch, which are written together.
type effects struct {
	queues  []int64 // in the order in which they first occur
	items   map[int64][]item
	letters []*letter
}

// hop adds nothing to effects where the delivery is not ours any more.
func (q *Queue) hop(t *tx, now int64, s *ergon.Settlement, outputs []output, to *effects) (refused, err error) {
	for _, out := range outputs { // before the settlement, which may delete what a letter needs to know
		for i := range out.letters {
			if err := t.findSource(&out.letters[i]); err != nil {
				return nil, err
			}
		}
	}
	if refused, err = q.settle(t, now, s); refused != nil || err != nil {
		return refused, err
	}
	for _, out := range outputs {
		if out.queue != nil {
			to.add(out.queue.number.Load(), out.items)
		}
		for i := range out.letters {
			to.letters = append(to.letters, &out.letters[i])
		}
	}
	return nil, nil
}

func (e *effects) add(queue int64, items []item) {
	if e.items == nil {
		e.items = map[int64][]item{}
	}
	if _, known := e.items[queue]; !known {
		e.queues = append(e.queues, queue)
	}
	e.items[queue] = append(e.items[queue], items...)
}

func (e *effects) write(t *tx, now int64) error {
	for _, queue := range e.queues {
		if err := t.enqueue(queue, now, e.items[queue]); err != nil {
			return err
		}
	}
	for _, l := range e.letters {
		if err := t.addLetter(l); err != nil {
			return err
		}
	}
	return nil
}
