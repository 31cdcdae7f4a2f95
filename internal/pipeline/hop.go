package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// hop makes outputs of transactions durable together with their acknowledgement, in the source's store [B3]. It is nil if the source
// cannot hop. Only the holder of settleLock calls hopOver; all other methods are safe for concurrent use.
type hop struct {
	hopper   capability.Hopper
	bury     bool // dead letters are kept in the source's store, too
	calls    batchCaller
	store    ergon.Dispatcher // of dead letters; nil: there is none
	task     string           // for letters
	lost     *lostLetters
	judge    *judge
	failures *failures
	watcher  *watcher
	turns    *turns        // nil: the source is neither attached nor in order
	again    failedFlights // of which a source that settles in order has to be told again; of the last batch
}

// newHop asks the source whether the dead letters are in its store, within the limit of package ask.
func newHop(s Settings) (*hop, error) {
	hopper, ok := capability.As[capability.Hopper](s.Source)
	if !ok || s.single {
		return nil, nil //nolint:nilnil // a nil hop is valid
	}
	h := &hop{hopper: hopper, store: s.DeadLetters}
	if s.DeadLetters == nil {
		return h, nil
	}
	var err error
	h.bury, err = ask.For(fmt.Sprintf("SharesStore of %T", h.hopper), func() bool { return h.hopper.SharesStore(s.DeadLetters) })
	if err != nil {
		return nil, fmt.Errorf("ask connector %q whether dead letters are in its store: %w", s.Policy.Fetch.Connector, err)
	}
	return h, nil
}

// buries reports whether dead letters are written together with the acknowledgement.
func (h *hop) buries() bool { return h != nil && h.bury }

// SharesStore asks the source whether the sink is in its store. It calls the source, so only attempts call it: their timeout limits it.
func (h *hop) SharesStore(to ergon.Dispatcher) bool { return h.hopper.SharesStore(to) }

// hopOver hops the flights of batch that have outputs, in one call of the source with the settle policy, and updates their verdicts. It
// returns the flights whose outputs were refused and that need a dead letter, and an error if dead letters could not be written. A source
// that settles in order gets the whole batch, if one of it has outputs: for the others a hop is a settlement.
func (h *hop) hopOver(ctx context.Context, batch []*flight) (dead []*flight, err error) {
	var over []int
	var hops []capability.Hop
	outputs := false
	for i, f := range batch {
		of := h.outputsOf(f)
		if len(of) > 0 || h.turns.inOrder() && !f.verdict.skip {
			over = append(over, i)
			hops = append(hops, capability.Hop{Settlement: f.settlement(), Outputs: of})
			outputs = outputs || len(of) > 0
		}
	}
	if !outputs {
		return nil, nil
	}
	do := func(ctx context.Context, left []int) error { return h.hopper.HopTransactions(ctx, pick(hops, left)) }
	if hopTo := do; h.turns != nil {
		do = func(ctx context.Context, left []int) error { return h.turns.send(ctx, batch, over, left, hopTo) }
	}
	if !h.turns.inOrder() { // otherwise a part of the batch may be behind the item at fault
		do = bisect(h.calls.retry.MaxAttempts, do)
	}
	failed, _ := h.calls.call(ctx, spans.Settle, h.turns.retried(callHop, batch, over), do)
	for _, i := range over {
		batch[i].verdict.skip = true // the hop has settled it, or the source delivers it again
	}
	return h.notHopped(ctx, batch, over, failed)
}

// hopOutputs returns what f dispatched, if it succeeded.
func hopOutputs(f *flight) []capability.Output {
	if f.verdict.outcome != Succeeded || f.extras == nil {
		return nil
	}
	return f.extras.outputs
}

// outputsOf returns the outputs of f: its dead letter, or what it dispatched if it succeeded.
func (h *hop) outputsOf(f *flight) []capability.Output {
	if f.verdict.dead && h.bury {
		return []capability.Output{{To: h.store, Transactions: []ergon.Transaction{letterOf(h.task, f)}}}
	}
	return hopOutputs(f)
}

// notHopped updates the verdicts of flights whose hop failed, so that nothing of them is durable. A stale delivery has been taken back by
// the source. A transaction whose dead letter failed is requeued. If the store refuses the outputs permanently, the transaction fails in
// its prepare phase. All others are delivered again.
func (h *hop) notHopped(ctx context.Context, batch []*flight, over []int, failed itemErrors) (dead []*flight, err error) {
	var letters failedFlights
	others := len(failed) < len(over)
	for _, at := range slices.Sorted(maps.Keys(failed)) {
		f, err := batch[over[at]], failed[at]
		switch {
		case errors.Is(err, capability.ErrStaleDelivery):
			delete(failed, at)
			f.verdict.outcome = Redelivered
			if !f.lost.Load() { // a lost lease was reported when it was lost
				h.watcher.stale(trace.SpanFromContext(ctx), f.traced(), f.tx.ID())
			}
			continue
		case f.verdict.dead && !h.turns.inOrder():
			letters.add(f, err)
		case refused(err) && len(hopOutputs(f)) > 0:
			h.refuse(f, err)
			if h.turns.inOrder() { // its new end is settled in its turn
				f.verdict.again, f.verdict.skip = true, true
			} else if f.verdict.dead {
				dead = append(dead, f)
			}
		case h.turns.inOrder():
			f.verdict.again = true
			continue
		default:
			f.verdict.outcome = Redelivered
			continue
		}
		delete(failed, at)
	}
	outage := h.lost.requeue(letters, others)
	left := failed.of(batch, over)
	if h.turns.inOrder() {
		h.again = left
	} else {
		h.failures.unsettled(left)
	}
	return dead, errors.Join(outage, left.err)
}

// refuse makes f fail in its prepare phase. Its exception handler does not run, because its lifecycle has ended.
func (h *hop) refuse(f *flight, err error) {
	f.extras.outputs = nil
	f.failure = &failure{at: time.Now(), cause: &ergon.TransactionError{
		Category: ergon.CategoryOf(err), Phase: policy.PhasePrepare, TransactionID: f.tx.ID(), Attempts: 1,
		Err: fmt.Errorf("the store refused the outputs: %w", err),
	}}
	f.verdict = h.judge.failed(f.failure)
	f.verdict.reported = true // with its earlier outcome
	h.watcher.log.refusedOutputs(f.traced(), f.tx.ID(), f.verdict.outcome, f.failure.cause)
}

// outbound returns the outbound transactions that a hybrid task made of f.
func (f *flight) outbound() []ergon.Transaction {
	made, _ := f.result.([]ergon.Transaction)
	return made
}
