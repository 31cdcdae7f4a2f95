package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// ErrUnsettled is returned by a loop that could not tell its source what became of some transactions: they are delivered
// again.
var ErrUnsettled = errors.New("some transactions could not be settled")

// settleBatch makes the ends of a batch of flights durable: dead letters first, then the source.
func (c *Consumer) settleBatch(ctx context.Context, batch []*flight) {
	began := c.clock.now()
	c.leases.settle(batch)
	c.pulse.settling.Store(int64(began.after(c.pulse.settle)))
	defer c.pulse.settling.Store(0)
	ctx, span := c.watcher.settleStarted(ctx, batch)
	lost := c.writeDeadLetters(ctx, batch)
	if c.hop != nil {
		lost = errors.Join(lost, c.hopOver(ctx, batch))
	}
	err := errors.Join(lost, c.tellSource(ctx, batch))
	c.givesUpSettling(err)
	took := c.clock.now() - began
	c.settler.slow.Store(took > instant(handOver))
	c.stats.shards[0].phases[phaseSettle].observe(took)
	c.watcher.settleEnded(span, batch, took, err)
	c.leases.release(batch)
	var counts [outcomes]int64
	for _, f := range batch {
		counts[f.verdict.outcome]++
		if c.hybrid != nil && f.verdict.outcome == Succeeded {
			c.stats.produced.Add(int64(len(f.outbound())))
		}
		if c.settings.Recorder != nil {
			c.record(f, began, took)
		}
		c.slabs.done(f)
	}
	for o, n := range counts {
		if n > 0 {
			c.stats.ended[o].Add(n)
		}
	}
	c.room.settled(len(batch), c.settler.lent)
}

// mostUnsettled is how many batches in a row may fail, each with all its attempts, before the loop stops: a disk that is full
// would have a loop over a finite source requeue for ever.
const mostUnsettled = 3

func (c *Consumer) givesUpSettling(err error) {
	if err == nil {
		c.unsettledInARow = 0
		return
	}
	c.unsettledInARow++
	if c.unsettledInARow == mostUnsettled {
		c.stopFetching(fmt.Errorf("%w, %d batches in a row: %w", ErrUnsettled, mostUnsettled, err))
	}
}

// writeDeadLetters dispatches those of batch that are dead. One that cannot be written is requeued: it is never dropped.
func (c *Consumer) writeDeadLetters(ctx context.Context, batch []*flight) error {
	var dead []int
	for i, f := range batch {
		if f.verdict.dead && !c.hop.buries() {
			dead = append(dead, i)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	records := make([]ergon.Transaction, len(dead))
	for i, at := range dead {
		records[i] = c.deadLetterOf(batch[at])
	}
	failed, _ := c.inParts(ctx, spans.DeadLetter, newParts(len(records)), func(ctx context.Context, parts []int) error {
		return c.settings.DeadLetters.DispatchTransactions(ctx, pick(records, parts))
	})
	lost := failed.of(batch, dead)
	for _, f := range lost.flights {
		f.verdict = verdict{outcome: Requeued, action: policy.SettleRequeue, delay: c.settings.Policy.Settle.RequeueDelay}
	}
	c.watcher.notDeadLettered(ctx, lost)
	if c.settler.source == nil {
		c.unsettled(lost)
	}
	return lost.err
}

// tellSource settles batch with a source that wants to know.
func (c *Consumer) tellSource(ctx context.Context, batch []*flight) error {
	if c.settler.source == nil {
		return nil
	}
	told, settlements := c.settler.letter.open()
	for i, f := range batch {
		v := &f.verdict
		if v.untold {
			continue
		}
		told = append(told, i)
		settlements = append(settlements, ergon.Settlement{
			Transaction: *f.tx, Action: v.action, Delay: v.delay, Interrupted: v.interrupted,
		})
	}
	if len(told) == 0 {
		return nil
	}
	failed, clean := c.inParts(ctx, spans.Settle, newParts(len(settlements)), func(ctx context.Context, parts []int) error {
		return c.settler.source.SettleTransactions(ctx, pick(settlements, parts))
	})
	if clean {
		c.settler.letter.keep(told, settlements)
	}
	for i, err := range failed {
		f := batch[told[i]]
		f.verdict.outcome = Redelivered
		if errors.Is(err, ergon.ErrStaleDelivery) {
			delete(failed, i)
			if !f.lost.Load() { // which was said then
				c.watcher.stale(ctx, f)
			}
		}
	}
	left := failed.of(batch, told)
	c.unsettled(left)
	return left.err
}

// unsettled remembers that transactions are left to be delivered again.
func (c *Consumer) unsettled(left undone) {
	if len(left.flights) > 0 {
		c.watcher.unsettled(left)
		c.failures.add(len(left.flights), left.flights[0].tx.ID(), left.err)
	}
}

// itemErrors are the errors of the items of a batch that failed for good.
type itemErrors map[int]error

// undone are the flights of such items, in order, and the error of the first.
type undone struct {
	flights []*flight
	err     error
}

func (e itemErrors) of(batch []*flight, items []int) undone {
	var u undone
	for _, i := range slices.Sorted(maps.Keys(e)) {
		if u.err == nil {
			u.err = e[i]
		}
		u.flights = append(u.flights, batch[items[i]])
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
		turn, left := p.begin()
		err := do(ctx, left)
		c.restsFor(err)
		return struct{}{}, p.end(turn, err)
	}, ergon.RunOption{Name: name})
	p.mu.Lock()
	defer p.mu.Unlock()
	clean = err == nil && p.turn == 1
	p.turn++ // what comes back late is not heard
	if err != nil {
		for _, i := range p.left {
			if p.failed[i] == nil {
				p.failed[i] = err
			}
		}
	}
	return p.failed, clean
}

// letter is what a source is told, in memory that is used again.
type letter struct {
	told        []int // indices in the batch
	settlements []ergon.Settlement
}

func (l *letter) open() ([]int, []ergon.Settlement) {
	told, settlements := l.told, l.settlements
	*l = letter{}
	return told[:0], settlements[:0]
}

func (l *letter) keep(told []int, settlements []ergon.Settlement) {
	*l = letter{told: told, settlements: settlements}
}

// parts is a batch that is tried again without those of its items that are done.
type parts struct {
	mu     sync.Mutex
	turn   int
	left   []int
	failed itemErrors // stale, or the last error
}

func newParts(n int) *parts {
	p := &parts{failed: itemErrors{}, left: make([]int, n)}
	for i := range p.left {
		p.left[i] = i
	}
	return p
}

func (p *parts) begin() (turn int, left []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	return p.turn, p.left
}

func (p *parts) end(turn int, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if turn != p.turn || (err != nil && !partial) {
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
		if !errors.Is(failure, ergon.ErrStaleDelivery) && !refused(failure) {
			left = append(left, i)
		}
	}
	p.left = left
	if len(left) == 0 {
		return nil
	}
	return err
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
