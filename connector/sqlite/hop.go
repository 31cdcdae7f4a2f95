package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// SharesStore reports whether to is a queue or a store of dead letters that this process has open on the same file. It looks
// through wrappers with a method Unwrap() ergon.Dispatcher.
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

// HopTransactions settles deliveries and stores their outputs, all in one SQL transaction. A *BatchError names the hops without
// effect. The error is capability.ErrStaleDelivery if the delivery was settled before or its lease has expired, and another error
// if an output can never be stored. Outputs that a queue knows are reported in the same way as by DispatchTransactions.
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
	var outcome effects
	plain := plainHops(batch, outputs, unfit)
	err := q.settling(ctx, "hop", func(t *tx, now int64, singly bool) error {
		failed, outcome = nil, effects{}
		for i := 0; i < len(batch); {
			n, err := q.ackTogether(t, now, plain[i:], singly)
			if err == nil && n == 0 {
				n = 1
				refused := unfit[i]
				if refused == nil {
					refused, err = q.hop(t, now, &batch[i].Settlement, outputs[i], &outcome)
				}
				failed.add(i, q.refusal(&batch[i].Settlement, refused))
			} else {
				outcome.addAll(slices.Concat(outputs[i : i+n]...))
			}
			if err != nil {
				return err
			}
			i += n
		}
		if err := outcome.write(t, now); err != nil {
			return err
		}
		return q.forget(t, now, 2*len(batch))
	})
	if err != nil {
		return err
	}
	outcome.tell(ctx)
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
			return nil, fmt.Errorf("an output goes to a %T, which is not in the same file; dispatch it separately", out.To)
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

// plainHops are the settlements of hops with outputs that no queue refuses; the others' are left empty.
func plainHops(batch []capability.Hop, outputs [][]output, unfit failures) []capability.Settlement {
	plain := make([]capability.Settlement, len(batch))
	for i := range batch {
		if unfit[i] == nil && !slices.ContainsFunc(outputs[i], func(o output) bool { return len(o.letters) > 0 || o.mayRefuse() }) {
			plain[i] = batch[i].Settlement
		}
	}
	return plain
}

// hop returns why a settlement cannot take effect, where the delivery is not ours any more, or an output is refused.
func (q *Queue) hop(t *tx, now int64, s *capability.Settlement, outputs []output, to *effects) (refused, err error) {
	for _, out := range outputs { // before the settlement, which may delete what a letter needs to know
		for i := range out.letters {
			if err := t.findSource(&out.letters[i]); err != nil {
				return nil, err
			}
		}
	}
	if slices.ContainsFunc(outputs, output.mayRefuse) {
		return q.hopAlone(t, now, s, outputs, to)
	}
	if refused, err = q.settle(t, now, s); refused != nil || err != nil {
		return refused, err
	}
	to.addAll(outputs)
	return nil, nil
}

// hopAlone writes the outputs at once, and takes back what it did where one of them is refused.
func (q *Queue) hopAlone(t *tx, now int64, s *capability.Settlement, outputs []output, to *effects) (refused, err error) {
	if _, err := t.exec("SAVEPOINT hop"); err != nil {
		return nil, err
	}
	var own effects
	if refused, err = q.settle(t, now, s); refused == nil && err == nil {
		own.addAll(outputs)
		if err = own.write(t, now); err == nil {
			refused = own.conflict()
		}
	}
	if refused != nil && err == nil {
		_, err = t.exec("ROLLBACK TO hop")
	}
	if err == nil {
		_, err = t.exec("RELEASE hop")
	}
	if refused == nil {
		to.written = append(to.written, own)
	}
	return refused, err
}

// mayRefuse tells whether an output may turn out to be in conflict with what is there, which is an error of its hop.
func (o output) mayRefuse() bool {
	return o.queue != nil && o.queue.settings.Dedup && o.queue.settings.OnConflict == capability.ConflictError
}
