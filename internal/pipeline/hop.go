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
// returns the flights whose outputs were refused and that need a dead letter, and an error if dead letters could not be written.
func (h *hop) hopOver(ctx context.Context, batch []*flight) (dead []*flight, err error) {
	var over []int
	var hops []capability.Hop
	for i, f := range batch {
		if outputs := h.outputsOf(f); len(outputs) > 0 {
			over = append(over, i)
			hops = append(hops, capability.Hop{Settlement: f.settlement(), Outputs: outputs})
		}
	}
	if len(over) == 0 {
		return nil, nil
	}
	failed, _ := h.calls.call(ctx, spans.Settle, newRetriedBatch(callHop, len(hops)),
		bisect(h.calls.retry.MaxAttempts, func(ctx context.Context, left []int) error {
			return h.hopper.HopTransactions(ctx, pick(hops, left))
		}))
	for _, i := range over {
		batch[i].verdict.skip = true // the hop has settled it, or the source delivers it again
	}
	return h.notHopped(ctx, batch, over, failed)
}

// outputsOf returns the outputs of f: its dead letter, or what it dispatched if it succeeded.
func (h *hop) outputsOf(f *flight) []capability.Output {
	switch {
	case f.verdict.dead && h.bury:
		return []capability.Output{{To: h.store, Transactions: []ergon.Transaction{letterOf(h.task, f)}}}
	case f.verdict.outcome == Succeeded && f.extras != nil:
		return f.extras.outputs
	default:
		return nil
	}
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
		case f.verdict.dead:
			letters.add(f, err)
		case refused(err):
			h.refuse(f, err)
			if f.verdict.dead {
				dead = append(dead, f)
			}
		default:
			f.verdict.outcome = Redelivered
			continue
		}
		delete(failed, at)
	}
	outage := h.lost.requeue(letters, others)
	left := failed.of(batch, over)
	h.failures.unsettled(left)
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
