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

// hop is a loop whose source can make what came out of a transaction durable together with its acknowledgement [B3]. Nil is a
// loop over another source.
type hop struct {
	hopper capability.Hopper
	bury   bool // dead letters are kept in the source's store as well
}

func newHop(s Settings) *hop {
	hopper, ok := s.Source.(capability.Hopper)
	if !ok || s.single {
		return nil
	}
	return &hop{hopper: hopper}
}

// ask asks the source whether it keeps the dead letters as well.
func (h *hop) ask(s Settings) (err error) {
	if h == nil || s.DeadLetters == nil {
		return nil
	}
	h.bury, err = ask.For(fmt.Sprintf("SharesStore of %T", h.hopper), func() bool { return h.hopper.SharesStore(s.DeadLetters) })
	if err != nil {
		return fmt.Errorf("connector %q does not say whether it keeps dead letters: %w", s.Policy.Fetch.Connector, err)
	}
	return nil
}

// buries reports whether dead letters are written together with the acknowledgement.
func (h *hop) buries() bool { return h != nil && h.bury }

// SharesStore is asked where an attempt dispatches, within that.
func (h *hop) SharesStore(to ergon.Dispatcher) bool { return h.hopper.SharesStore(to) }

// hopOver makes durable, together with what becomes of their deliveries, the outputs of those of the batch that have any, and the
// dead letters that their source's store keeps. Those whose outputs are refused, and that are to have a letter, leave the batch.
func (s *settling) hopOver() {
	refusals, err := s.hopOverSome(s.ctx, s.batch)
	s.lost = errors.Join(s.lost, err)
	dead := slices.DeleteFunc(refusals, func(f *flight) bool { return !isDead(f) })
	if len(dead) > 0 {
		s.batch = slices.DeleteFunc(s.batch, func(f *flight) bool { return slices.Contains(dead, f) })
		s.settler.letters.setAside(dead)
		s.settler.letters.begin()
	}
}

func (c *Consumer) hopOverSome(ctx context.Context, batch []*flight) (refusals []*flight, err error) {
	var over []int
	var hops []capability.Hop
	for i, f := range batch {
		if outputs := c.outputsOf(f); len(outputs) > 0 {
			v := &f.verdict
			over = append(over, i)
			hops = append(hops, capability.Hop{
				Settlement: capability.Settlement{Transaction: *f.tx, Action: v.action, Delay: v.delay, Interrupted: v.interrupted},
				Outputs:    outputs,
			})
		}
	}
	if len(over) == 0 {
		return nil, nil
	}
	attempts := c.settings.Policy.Settle.Retry.MaxAttempts
	failed, _ := c.inParts(ctx, spans.Settle, newParts(callHop, len(hops)), bisect(attempts, func(ctx context.Context, parts []int) error {
		return c.hop.hopper.HopTransactions(ctx, pick(hops, parts))
	}))
	for _, i := range over {
		batch[i].verdict.skip = true // the source has heard of it, or will deliver it again
	}
	return c.notHopped(ctx, batch, over, failed)
}

// outputsOf returns what is to hop with f. What came out of a transaction that failed afterwards is no output.
func (c *Consumer) outputsOf(f *flight) []capability.Output {
	switch {
	case f.verdict.dead && c.hop.bury:
		return []capability.Output{{To: c.settings.DeadLetters, Transactions: []ergon.Transaction{c.deadLetterOf(f)}}}
	case f.verdict.outcome == Succeeded && f.aside != nil:
		return f.aside.outputs
	default:
		return nil
	}
}

// notHopped decides what becomes of those of which nothing is durable: stale ones are the source's again; dead letters are
// requeued, never dropped; one whose outputs its store refuses for good has failed to be prepared; anything else is left to
// be delivered again.
func (c *Consumer) notHopped(
	ctx context.Context, batch []*flight, over []int, failed itemErrors,
) (refusals []*flight, err error) {
	var letters undone
	others := len(failed) < len(over)
	for _, at := range slices.Sorted(maps.Keys(failed)) {
		f, err := batch[over[at]], failed[at]
		switch {
		case errors.Is(err, capability.ErrStaleDelivery):
			delete(failed, at)
			f.verdict.outcome = Redelivered
			if !f.lost.Load() { // which was said then
				c.watcher.stale(trace.SpanFromContext(ctx), f.traced(), f.tx.ID())
			}
			continue
		case f.verdict.dead:
			letters.add(f, err)
		case refused(err):
			refusals = append(refusals, f)
			c.refuse(f, err)
		default:
			f.verdict.outcome = Redelivered
			continue
		}
		delete(failed, at)
	}
	outage := c.notDeadLettered(letters, others)
	left := failed.of(batch, over)
	c.unsettled(left)
	return refusals, errors.Join(outage, left.err)
}

// refused reports whether err says that trying again is pointless.
func refused(err error) bool {
	return ergon.CategoryOf(err) == ergon.CategoryBusiness || (&ergon.TransactionError{Err: err}).IsPermanent()
}

// refuse has f fail in its prepare phase, too late for its exception handler.
func (c *Consumer) refuse(f *flight, err error) {
	f.aside.outputs = nil
	f.failure = &failure{at: time.Now(), cause: &ergon.TransactionError{
		Category: ergon.CategoryOf(err), Phase: policy.PhasePrepare, TransactionID: f.tx.ID(), Attempts: 1,
		Err: fmt.Errorf("the store refuses what came out of it: %w", err),
	}}
	f.verdict = c.judge.failed(f.failure)
	f.verdict.reported = true // with its outcome before
	c.watcher.refusedOutputs(f.traced(), f.tx.ID(), f.verdict.outcome, f.failure.cause)
}

// outbound are the transactions that a hybrid task made of f.
func (f *flight) outbound() []ergon.Transaction {
	made, _ := f.result.([]ergon.Transaction)
	return made
}
