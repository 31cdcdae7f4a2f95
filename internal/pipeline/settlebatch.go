package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/spans"
)

// batchSettler makes the ends of flights durable, a batch at a time. Whoever holds settleLock owns it.
type batchSettler struct {
	clock      clock
	source     capability.Settler // nil: the source takes no settlements
	calls      batchCaller
	hop        *hop          // nil: the source cannot hop
	letters    *letterWriter // set by newSettler
	leases     *leases
	turns      *turns // nil: the source is neither attached nor in order
	stall      *stallDetector
	watcher    *watcher
	failures   *failures
	completion completion
	onSettle   func(Outcome, int64) // Settings.OnSettle; nil: nobody listens
	stop       func(error)          // stops fetching
	pinned     bool                 // workers are bound to threads

	slow   atomic.Bool  // the last batch took so long that no worker settles the next: see tooSlow
	buffer settleBuffer // used again and again
	failed int          // batches in a row
}

// settling is a batch of flights that is being settled.
type settling struct {
	by          *batchSettler
	batch       []*flight
	began       instant
	ctx         context.Context //nolint:containedctx // carries its span
	span        trace.Span
	settlements settlements   // for the source
	announced   bool          // announce was called
	letterErr   error         // why dead letters of it are not written
	undone      failedFlights // of which a source that settles in order has to be told again
}

// begin begins to settle a batch.
func (b *batchSettler) begin(ctx context.Context, batch []*flight) *settling {
	s := &settling{by: b, batch: batch, began: b.clock.Now()}
	s.ctx, s.span = b.watcher.spans.settleStarted(ctx, batch)
	return s
}

// settle makes the ends of the batch durable. Its dead letters are written.
func (s *settling) settle() {
	s.announce()
	if s.by.hop != nil {
		s.hopOver()
	}
	s.end(errors.Join(s.letterErr, s.settleSource()), false)
}

// announce reports the outcomes of the batch before its source is settled. It does so once: a worker may have started what the settler's
// goroutine continues with.
func (s *settling) announce() {
	b := s.by
	b.stall.settling.Store(int64(b.clock.Now().After(b.stall.settle)))
	if s.announced {
		return
	}
	s.announced = true
	s.batch = b.turns.begin(s.batch)
	b.leases.settle(s.batch)
	if b.onSettle == nil {
		return
	}
	var counts [outcomes]int64
	for _, f := range s.batch {
		if !f.verdict.reported {
			counts[f.verdict.outcome]++
		}
	}
	for o, n := range counts {
		if n > 0 {
			b.onSettle(Outcome(o), n)
		}
	}
}

// hopOver makes durable, together with their settlements, the outputs of those of the batch that have any, and the dead letters that
// the source's store keeps. Flights whose outputs are refused and that get a letter for it leave the batch.
func (s *settling) hopOver() {
	s.by.hop.again = failedFlights{}
	dead, err := s.by.hop.hopOver(s.ctx, s.batch)
	s.letterErr = errors.Join(s.letterErr, err)
	s.undone.join(s.by.hop.again)
	if len(dead) > 0 {
		s.batch = slices.DeleteFunc(s.batch, func(f *flight) bool { return slices.Contains(dead, f) })
		s.by.letters.setAside(dead)
		s.by.letters.begin()
	}
}

// runInline makes w settle the batch, and reports whether it is settled. If not, the settler's goroutine continues with it: what needs
// more than one call, what spans record, and what did not succeed in time. handOff is as in [inline.Call.Run].
func (s *settling) runInline(w *worker, handOff func()) bool {
	if s.span.IsRecording() || s.by.hop != nil {
		return false
	}
	s.announce()
	var err error
	if s.gatherSettlements() {
		call := inline.New(s.ctx, s.by.calls.retry.Timeout, s.attempt, nil)
		s.settlements.items.first.Store(call)
		if !runInline(w, call, handOff) {
			return false
		}
		s.settlements.items.first.Store(nil)
		err = s.handleResult(s.settlements.items.close(nil))
	}
	s.end(err, true)
	return true
}

// end is called once with what became of the batch. A worker that has settled it looks for capacity itself.
func (s *settling) end(err error, byWorker bool) {
	b := s.by
	b.countFailures(err)
	if b.turns != nil {
		giveUp := b.failed >= maxUnsettled || s.ctx.Err() != nil
		if giveUp {
			b.failures.unsettled(s.undone)
		}
		s.batch = b.turns.settled(s.batch, giveUp)
	}
	now := b.clock.Now()
	b.slow.Store(tooSlow(now-s.began, b.calls.retry.Timeout, b.pinned))
	b.leases.release(s.batch)
	b.stall.settling.Store(0)
	b.completion.complete(s, now, err, byWorker)
}

// maxUnsettled is how many batches in a row may fail, each with all its attempts, before the loop stops. With a full disk, a loop over
// a finite source would requeue for ever.
const maxUnsettled = 3

// countFailures stops fetching if too many batches in a row have failed.
func (b *batchSettler) countFailures(err error) {
	if err == nil {
		b.failed = 0
		return
	}
	b.failed++
	if b.failed == maxUnsettled {
		b.stop(fmt.Errorf("%w, %d batches in a row: %w", ErrUnsettled, maxUnsettled, err))
	}
}

// gatherSettlements reports whether there is anything to settle with a source that takes settlements.
func (s *settling) gatherSettlements() bool {
	if s.by.source == nil {
		return false
	}
	n := s.by.buffer.open()
	for i, f := range s.batch {
		if f.verdict.skip {
			continue
		}
		n.sent = append(n.sent, i)
		n.all = append(n.all, f.settlement())
	}
	n.items = s.by.turns.retried(callSettle, s.batch, n.sent)
	s.settlements = n
	return len(n.sent) > 0
}

// attempt is one attempt to settle what is left, on a worker.
func (s *settling) attempt(ctx context.Context) (struct{}, error) {
	return struct{}{}, s.by.calls.attempt(ctx, s.settlements.items, s.send)
}

func (s *settling) send(ctx context.Context, left []int) error {
	if s.by.turns == nil {
		return s.by.source.SettleTransactions(ctx, pick(s.settlements.all, left))
	}
	return s.by.turns.send(ctx, s.batch, s.settlements.sent, left, func(ctx context.Context, left []int) error {
		return s.by.source.SettleTransactions(ctx, pick(s.settlements.all, left))
	})
}

// settleSource settles the batch with a source that takes settlements.
func (s *settling) settleSource() error {
	if s.settlements.items == nil && !s.gatherSettlements() {
		return nil
	}
	return s.handleResult(s.by.calls.call(s.ctx, spans.Settle, s.settlements.items, s.send))
}

// handleResult notes which settlements are not durable.
func (s *settling) handleResult(failed itemErrors, clean bool) error {
	if clean {
		s.by.buffer.keep(s.settlements)
	}
	for i, err := range failed {
		f := s.batch[s.settlements.sent[i]]
		if s.by.turns.inOrder() && !errors.Is(err, capability.ErrStaleDelivery) {
			f.verdict.again = true
			continue
		}
		f.verdict.outcome = Redelivered
		if errors.Is(err, capability.ErrStaleDelivery) {
			delete(failed, i)
			if !f.lost.Load() { // a lost lease was reported when it was lost
				s.by.watcher.stale(s.span, f.traced(), f.tx.ID())
			}
		}
	}
	left := failed.of(s.batch, s.settlements.sent)
	s.unsettled(left)
	return left.err
}

// unsettled notes what the source could not be told. One that settles in order is told again, so there it is no failure yet.
func (s *settling) unsettled(left failedFlights) {
	if s.by.turns.inOrder() {
		s.undone.join(left)
	} else {
		s.by.failures.unsettled(left)
	}
}

// settlement is what the source gets for f.
func (f *flight) settlement() capability.Settlement {
	v := &f.verdict
	return capability.Settlement{Transaction: *f.tx, Action: v.action, Delay: v.delay, Interrupted: v.interrupted}
}

// settlements are what a source gets for a batch.
type settlements struct {
	sent  []int // indices in the batch
	all   []capability.Settlement
	items *retriedBatch // nil: not gathered yet
}

// settleBuffer is memory for settlements that is used again.
type settleBuffer struct{ settlements }

func (l *settleBuffer) open() settlements {
	n := settlements{sent: l.sent[:0], all: l.all[:0]}
	l.settlements = settlements{}
	return n
}

// keep takes back the memory of settlements to which nobody holds on.
func (l *settleBuffer) keep(n settlements) { l.sent, l.all = n.sent, n.all }
