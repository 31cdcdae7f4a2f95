package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/spans"
)

// ErrUnsettled is returned by a loop that could not tell its source what became of some transactions: they are delivered
// again.
var ErrUnsettled = errors.New("some transactions could not be settled")

// settling is a batch of flights that is being settled.
type settling struct {
	*Consumer

	batch       []*flight
	began       instant
	ctx         context.Context //nolint:containedctx // carries its span
	span        trace.Span
	settlements settlements // what the source is told
	said        bool        // OnSettle was called
	lost        error       // why dead letters of it are not written
}

func (c *Consumer) beginSettling(ctx context.Context, batch []*flight) *settling {
	s := &settling{Consumer: c, batch: batch, began: c.clock.Now()}
	s.ctx, s.span = c.watcher.settleStarted(ctx, batch)
	return s
}

// settle makes the ends of the batch durable, whose dead letters are written.
func (s *settling) settle() {
	s.announce()
	if s.hop != nil {
		s.hopOver()
	}
	s.end(errors.Join(s.lost, s.tellSource()))
}

// announce says what becomes of the batch before the source is told, once: a worker may have begun what the settler's goroutine
// goes on with.
func (s *settling) announce() {
	s.leases.settle(s.batch)
	s.stall.settling.Store(int64(s.clock.Now().After(s.stall.settle)))
	if s.settings.OnSettle == nil || s.said {
		return
	}
	s.said = true
	var counts [outcomes]int64
	for _, f := range s.batch {
		if !f.verdict.reported {
			counts[f.verdict.outcome]++
		}
	}
	for o, n := range counts {
		if n > 0 {
			s.settings.OnSettle(Outcome(o), n)
		}
	}
}

// runInline has w settle the batch, and reports whether it is settled. Otherwise it is for the settler's goroutine to do so: where
// more than the source is told, where spans record it, and where it did not succeed in time; gone is as in [inline.Call.Run].
func (s *settling) runInline(w *worker, gone func()) bool {
	if s.span.IsRecording() || s.hop != nil {
		return false
	}
	s.announce()
	var err error
	if s.gatherSettlements() {
		call := inline.New(s.ctx, s.settings.Policy.Settle.Retry.Timeout, s.telling, nil)
		s.settlements.parts.first.Store(call)
		if !runInline(w, call, gone) {
			return false
		}
		s.settlements.parts.first.Store(nil)
		err = s.handleResult(s.settlements.parts.close(nil))
	}
	s.end(err)
	return true
}

// end counts what has become of the batch.
func (s *settling) end(err error) {
	c, batch := s.Consumer, s.batch
	c.givesUpSettling(err)
	now := c.clock.Now()
	took := now - s.began
	c.stats.worked.Store(int64(now))
	c.settler.slow.Store(c.pool.slow(took, c.settings.Policy.Settle.Retry.Timeout))
	c.stats.shards[0].phases[phaseSettle].observe(took)
	c.leases.release(batch)
	c.unwritten.settled(batch)
	c.stall.settling.Store(0)
	var counts [outcomes]int64
	for _, f := range batch {
		counts[f.verdict.outcome]++
		if c.hybrid != nil && f.verdict.outcome == Succeeded {
			c.stats.produced.Add(int64(len(f.outbound())))
		}
		if c.settings.Recorder != nil {
			c.record(f, s.began, took)
		}
		if c.watcher.debug && !c.settings.produces {
			c.watcher.transactionSettled(f.traced(), f.tx.ID(), f.verdict.outcome, f.verdict.action)
		}
		c.flightMemory.done(f)
	}
	c.watcher.settleEnded(s.span, counts, took, err)
	for o, n := range counts {
		if n > 0 {
			c.stats.ended[o].Add(n)
		}
	}
	c.capacity.settled(len(batch), c.settler.byWorker)
}

// maxUnsettled is how many batches in a row may fail, each with all its attempts, before the loop stops: a disk that is full
// would have a loop over a finite source requeue for ever.
const maxUnsettled = 3

func (c *Consumer) givesUpSettling(err error) {
	if err == nil {
		c.unsettledInARow = 0
		return
	}
	c.unsettledInARow++
	if c.unsettledInARow == maxUnsettled {
		c.stopFetching(fmt.Errorf("%w, %d batches in a row: %w", ErrUnsettled, maxUnsettled, err))
	}
}

// gatherSettlements reports whether there is anything that the source is to be told and wants to know.
func (s *settling) gatherSettlements() bool {
	if s.settler.source == nil {
		return false
	}
	n := s.settler.buffer.open()
	for i, f := range s.batch {
		v := &f.verdict
		if v.skip {
			continue
		}
		n.sent = append(n.sent, i)
		n.all = append(n.all, capability.Settlement{
			Transaction: *f.tx, Action: v.action, Delay: v.delay, Interrupted: v.interrupted,
		})
	}
	n.parts = newParts(callSettle, len(n.all))
	s.settlements = n
	return len(n.sent) > 0
}

// telling is one attempt to tell the source.
func (s *settling) telling(ctx context.Context) (struct{}, error) {
	return struct{}{}, s.part(ctx, s.settlements.parts, s.tellParts)
}

func (s *settling) tellParts(ctx context.Context, parts []int) error {
	return s.settler.source.SettleTransactions(ctx, pick(s.settlements.all, parts))
}

// tellSource settles the batch with a source that wants to know.
func (s *settling) tellSource() error {
	if s.settlements.parts == nil && !s.gatherSettlements() {
		return nil
	}
	return s.handleResult(s.inParts(s.ctx, spans.Settle, s.settlements.parts, s.tellParts))
}

// handleResult notes what became of what the source was told.
func (s *settling) handleResult(failed itemErrors, clean bool) error {
	if clean {
		s.settler.buffer.keep(s.settlements)
	}
	for i, err := range failed {
		f := s.batch[s.settlements.sent[i]]
		f.verdict.outcome = Redelivered
		if errors.Is(err, capability.ErrStaleDelivery) {
			delete(failed, i)
			if !f.lost.Load() { // which was said then
				s.watcher.stale(s.span, f.traced(), f.tx.ID())
			}
		}
	}
	left := failed.of(s.batch, s.settlements.sent)
	s.unsettled(left)
	return left.err
}

// unsettled remembers that transactions are left to be delivered again.
func (c *Consumer) unsettled(left undone) {
	if len(left.flights) > 0 {
		c.watcher.unsettled(left.told())
		c.failures.add(len(left.flights), left.flights[0].tx.ID(), left.err)
	}
}

// itemErrors are the errors of the items of a batch that failed for good.
type itemErrors map[int]error

// undone are the flights of such items, in order, their errors, and the first of these.
type undone struct {
	flights []*flight
	errs    []error
	err     error
}

func (u *undone) add(f *flight, err error) {
	if u.err == nil {
		u.err = err
	}
	u.flights, u.errs = append(u.flights, f), append(u.errs, err)
}

func (e itemErrors) of(batch []*flight, items []int) undone {
	var u undone
	for _, i := range slices.Sorted(maps.Keys(e)) {
		u.add(batch[items[i]], e[i])
	}
	return u
}

// inParts calls do with the indices of what is left, retrying those that failed as the settle policy says, and returns the
// error of each item that failed for good. A stale delivery is not tried again. It is clean when the first call did it all,
// so that nobody holds on to what was passed.
func (c *Consumer) inParts(
	ctx context.Context, name string, p *parts, do func(context.Context, []int) error,
) (failed itemErrors, clean bool) {
	_, err := ergon.RunFn(ctx, c.settings.Policy.Settle.Retry, func(ctx context.Context) (struct{}, error) {
		if first := p.first.Swap(nil); first != nil {
			return first.Adopt(ctx)
		}
		return struct{}{}, c.part(ctx, p, do)
	}, ergon.SpanName(name))
	if first := p.first.Swap(nil); first != nil { // there was no attempt any more
		first.Drop()
	}
	return p.close(err)
}

// part is one attempt of what is left.
func (c *Consumer) part(ctx context.Context, p *parts, do func(context.Context, []int) error) error {
	if err := c.settings.Hanging.enter(p.purpose); err != nil {
		return err
	}
	defer c.settings.Hanging.leave(p.purpose)
	round, left := p.begin()
	err := foreign.ReadBatch(do(ctx, left), len(left))
	c.stall.excuseDelayOf(err)
	return p.end(round, err)
}

// settlements is what a source is told of a batch.
type settlements struct {
	sent  []int // indices in the batch
	all   []capability.Settlement
	parts *parts // nil: not gathered yet
}

// settleBuffer is memory for news that is used again.
type settleBuffer struct{ settlements }

func (l *settleBuffer) open() settlements {
	n := settlements{sent: l.sent[:0], all: l.all[:0]}
	l.settlements = settlements{}
	return n
}

// keep is for news that nobody holds on to.
func (l *settleBuffer) keep(n settlements) { l.sent, l.all = n.sent, n.all }

// parts is a batch that is tried again without those of its items that are done.
type parts struct {
	purpose int                                   // what the connector is called for
	first   atomic.Pointer[inline.Call[struct{}]] // its first attempt, where a worker has made it and nobody has adopted it yet
	mu      sync.Mutex
	round   int
	left    []int
	failed  itemErrors // stale, or the last error
}

func newParts(purpose, n int) *parts {
	p := &parts{purpose: purpose, failed: itemErrors{}, left: make([]int, n)}
	for i := range p.left {
		p.left[i] = i
	}
	return p
}

func (p *parts) begin() (round int, left []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.round++
	return p.round, p.left
}

func (p *parts) end(round int, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if round != p.round || (err != nil && !partial) {
		return err
	}
	var left []int
	for at, i := range p.left {
		var failure error
		if partial {
			failure = batch.Failures[at]
		}
		delete(p.failed, i)
		if failure == nil {
			continue
		}
		p.failed[i] = failure
		if !errors.Is(failure, capability.ErrStaleDelivery) && !refused(failure) {
			left = append(left, i)
		}
	}
	p.left = left
	if len(left) == 0 {
		return nil
	}
	return err
}

// close returns the error of each item that failed for good: err, where it has none of its own. What comes back late is not
// heard any more.
func (p *parts) close(err error) (failed itemErrors, clean bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clean = err == nil && p.round == 1
	p.round++
	if err != nil {
		for _, i := range p.left {
			if p.failed[i] == nil {
				p.failed[i] = err
			}
		}
	}
	return p.failed, clean
}

func pick[T any](all []T, indices []int) []T {
	if len(indices) == len(all) {
		return all
	}
	picked := make([]T, len(indices))
	for i, at := range indices {
		picked[i] = all[at]
	}
	return picked
}
