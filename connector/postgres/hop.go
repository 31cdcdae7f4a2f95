package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// SharesStore reports whether to is a queue or a store of dead letters that this process has open in the same schema of the same
// database. It looks through wrappers with a method Unwrap() ergon.Dispatcher.
func (q *Queue) SharesStore(to ergon.Dispatcher) bool {
	store := q.store.Load()
	switch to := unwrapped(to).(type) {
	case *Queue:
		return store != nil && store.isSame(to.store.Load())
	case *DeadLetters:
		return store != nil && store.isSame(to.store.Load())
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

// HopTransactions settles deliveries and stores their outputs, all in one SQL transaction. A *BatchError names the hops without
// effect. The error is capability.ErrStaleDelivery if the delivery was settled before or its lease has expired, and another error if an
// output can never be stored. Outputs that a queue knows are reported in the same way as by DispatchTransactions.
func (q *Queue) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	outputs := make([][]output, len(batch))
	settlements := make([]capability.Settlement, 0, len(batch))
	var at []int // of settlements, in batch
	var failed failures
	for i := range batch {
		var err error
		if outputs[i], err = q.outputs(ctx, batch[i].Outputs); err != nil {
			failed.add(i, q.refusal(&batch[i].Settlement, err))
			continue
		}
		settlements, at = append(settlements, batch[i].Settlement), append(at, i)
	}
	work, unfit := q.sort(settlements)
	for i, err := range unfit {
		failed.add(at[i], err)
	}
	if work.isEmpty() {
		return failed.err()
	}
	h := hopping{queue: q, work: work, settlements: settlements}
	for _, i := range at {
		h.outputs = append(h.outputs, outputs[i])
	}
	err := q.write(ctx, "hop", h.do)
	if err != nil {
		return err
	}
	for i, err := range h.failed {
		failed.add(at[i], err)
	}
	for _, e := range h.effects {
		e.tell(ctx)
	}
	return failed.err()
}

// output is what one hop has for one connector, ready to be stored.
type output struct {
	queue   *Queue // where the items go
	items   []item
	letters []letter
}

func (q *Queue) outputs(ctx context.Context, all []capability.Output) ([]output, error) {
	encoded := make([]output, len(all))
	for i, out := range all {
		if !q.SharesStore(out.To) {
			return nil, fmt.Errorf("an output goes to a %T, which is not in the same schema; dispatch it by itself", out.To)
		}
		var failed failures
		switch to := unwrapped(out.To).(type) {
		case *Queue:
			encoded[i].queue = to
			encoded[i].items, failed = to.encode(out.Transactions)
			if err := to.levels(ctx, encoded[i].items); err != nil {
				return nil, err
			}
		case *DeadLetters:
			encoded[i].letters, failed = to.encode(out.Transactions)
		}
		if err := failed.err(); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

// hopping is a batch of hops in one transaction.
type hopping struct {
	queue       *Queue
	work        settling
	settlements []capability.Settlement
	outputs     [][]output // of the settlements

	failed  failures // by the index of the settlement
	effects []*effects
}

// do settles all and writes the outputs of what was settled. Letters look for their items before those are settled. A hop whose
// output may be refused is done alone, in a part of the transaction that can be undone.
func (h *hopping) do(ctx context.Context, t *tx) error {
	h.failed, h.effects = nil, nil
	if err := lockOf(ctx, t, h.queue.number.Load(), h.keys()); err != nil {
		return err
	}
	var together []int
	for i := range h.settlements {
		for _, out := range h.outputs[i] {
			if err := t.findSources(ctx, out.letters); err != nil {
				return err
			}
		}
		if h.work.receipts[i] == nil {
			continue
		}
		if slices.ContainsFunc(h.outputs[i], output.mayRefuse) {
			if err := h.alone(ctx, t, i); err != nil {
				return err
			}
			continue
		}
		together = append(together, i)
	}
	_, err := h.some(ctx, t, together)
	return err
}

// keys are those that the settlements free and those of the outputs to the same queue.
func (h *hopping) keys() []string {
	keys := slices.Clone(h.work.keys)
	for _, outputs := range h.outputs {
		for _, out := range outputs {
			if out.queue != nil && out.queue.number.Load() == h.queue.number.Load() {
				keys = append(keys, keysOf(out.items)...)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// some settles these and writes the outputs of those that are not stale.
func (h *hopping) some(ctx context.Context, t *tx, indices []int) (*effects, error) {
	if len(indices) == 0 {
		return &effects{}, nil
	}
	settlements := make([]capability.Settlement, len(indices))
	for n, i := range indices {
		settlements[n] = h.settlements[i]
	}
	work, _ := h.queue.sort(settlements) // what is unfit was sorted out before
	settled, err := work.do(ctx, h.queue, t)
	if err != nil {
		return nil, err
	}
	var stale failures
	work.addStale(h.queue, settlements, settled, &stale)
	e := &effects{}
	for n, i := range indices {
		if err := stale[n]; err != nil {
			h.failed.add(i, err)
			continue
		}
		e.add(h.outputs[i])
	}
	if err := e.write(ctx, t); err != nil {
		return nil, err
	}
	h.effects = append(h.effects, e)
	return e, nil
}

// alone undoes what it did if one of the outputs is refused.
func (h *hopping) alone(ctx context.Context, t *tx, i int) error {
	if _, err := t.run.Exec(ctx, "SAVEPOINT hop"); err != nil {
		return err
	}
	e, err := h.some(ctx, t, []int{i})
	if err != nil {
		return err
	}
	end := "RELEASE hop"
	if refused := e.conflict(); refused != nil {
		end = "ROLLBACK TO hop"
		h.effects = h.effects[:len(h.effects)-1]
		h.failed.add(i, h.queue.refusal(&h.settlements[i], refused))
	}
	_, err = t.run.Exec(ctx, end)
	return err
}

// mayRefuse tells whether an output may turn out to be in conflict with what is there, which is an error of its hop.
func (o output) mayRefuse() bool {
	return o.queue != nil && o.queue.settings.Dedup && o.queue.settings.OnConflict == capability.ConflictError
}
