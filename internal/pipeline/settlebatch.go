package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// ErrUnsettled is returned by a loop that could not tell its source what became of some transactions: they are delivered
// again.
var ErrUnsettled = errors.New("some transactions could not be settled")

// settleBatch makes a batch of endings durable: dead letters first, then the source.
func (c *Consumer) settleBatch(ctx context.Context, batch []settling) {
	began := c.clock.now()
	ctx, span := c.watcher.settleStarted(ctx, batch)
	c.writeDeadLetters(ctx, batch)
	err := c.tellSource(ctx, batch)
	c.stats.shards[0].phases[phaseSettle].observe(c.clock.now() - began)
	c.watcher.settleEnded(span, batch, c.clock.now()-began, err)
	c.leases.release(batch)
	var counts [outcomes]int64
	for _, s := range batch {
		counts[s.verdict.outcome]++
	}
	for o, n := range counts {
		if n > 0 {
			c.stats.ended[o].Add(n)
		}
	}
	c.room.settled(len(batch))
}

// writeDeadLetters dispatches those of batch that are dead. One that cannot be written is requeued: it is never dropped.
func (c *Consumer) writeDeadLetters(ctx context.Context, batch []settling) {
	var dead []int
	for i, s := range batch {
		if s.verdict.dead {
			dead = append(dead, i)
		}
	}
	if len(dead) == 0 {
		return
	}
	records := make([]ergon.Transaction, len(dead))
	for i, at := range dead {
		records[i] = c.deadLetterOf(batch[at].flight)
	}
	failed := c.inParts(ctx, spans.DeadLetter, len(records), func(ctx context.Context, parts []int) error {
		return c.settings.DeadLetters.DispatchTransactions(ctx, pick(records, parts))
	})
	for i, err := range failed {
		s := &batch[dead[i]]
		s.verdict = verdict{outcome: Requeued, action: ergon.SettleRequeue, delay: c.settings.Policy.Settle.RequeueDelay}
		c.watcher.notDeadLettered(ctx, s.flight, err)
		if c.settler.source == nil {
			c.unsettled(s.flight, err)
		}
	}
}

// tellSource settles batch with a source that wants to know.
func (c *Consumer) tellSource(ctx context.Context, batch []settling) error {
	if c.settler.source == nil {
		return nil
	}
	var told []int
	for i, s := range batch {
		if !s.verdict.untold {
			told = append(told, i)
		}
	}
	if len(told) == 0 {
		return nil
	}
	settlements := make([]ergon.Settlement, len(told))
	for i, at := range told {
		v := batch[at].verdict
		settlements[i] = ergon.Settlement{
			Transaction: batch[at].flight.tx, Action: v.action, Delay: v.delay, Interrupted: v.interrupted,
		}
	}
	var first error
	failed := c.inParts(ctx, spans.Settle, len(settlements), func(ctx context.Context, parts []int) error {
		return c.settler.source.SettleTransactions(ctx, pick(settlements, parts))
	})
	for i, err := range failed {
		s := &batch[told[i]]
		s.verdict.outcome = Redelivered
		if errors.Is(err, ergon.ErrStaleDelivery) {
			c.watcher.stale(ctx, s.flight)
			continue
		}
		first = err
		c.unsettled(s.flight, err)
	}
	return first
}

// unsettled remembers that a transaction is left to be delivered again.
func (c *Consumer) unsettled(f *flight, err error) {
	c.watcher.unsettled(f, err)
	c.failures.add(ErrUnsettled, f.tx.ID(), err)
}

// inParts calls do with the indices of what is left of n items, retrying those that failed as the settle policy says, and
// returns the error of each item that failed for good. A stale delivery is not tried again.
func (c *Consumer) inParts(ctx context.Context, name string, n int, do func(context.Context, []int) error) map[int]error {
	p := parts{failed: map[int]error{}, left: make([]int, n)}
	for i := range p.left {
		p.left[i] = i
	}
	_, err := ergon.RunFn(ctx, c.settings.Policy.Settle.Retry, func(ctx context.Context) (struct{}, error) {
		turn, left := p.begin()
		return struct{}{}, p.end(turn, do(ctx, left))
	}, ergon.RunOption{Name: name})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++ // what comes back late is not heard
	if err != nil {
		for _, i := range p.left {
			if p.failed[i] == nil {
				p.failed[i] = err
			}
		}
	}
	return p.failed
}

// parts is a batch that is tried again without those of its items that are done.
type parts struct {
	mu     sync.Mutex
	turn   int
	left   []int
	failed map[int]error // by item: stale, or the last error
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
		if !errors.Is(failure, ergon.ErrStaleDelivery) {
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
