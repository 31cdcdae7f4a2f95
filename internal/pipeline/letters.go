package pipeline

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

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
	attempts := c.settings.Policy.Settle.Retry.MaxAttempts
	write := func(ctx context.Context, parts []int) error {
		return c.settings.DeadLetters.DispatchTransactions(ctx, pick(records, parts))
	}
	failed, _ := c.inParts(ctx, spans.DeadLetter, newParts(callLetters, len(records)), bisect(attempts, write))
	return c.notDeadLettered(failed.of(batch, dead), len(failed) < len(dead))
}

// readDead reads the payloads of those of batch that are dead, before anything of it is written.
func (c *Consumer) readDead(batch []*flight) error {
	var dead []*flight
	var txs []ergon.Transaction
	for _, f := range batch {
		if f.verdict.dead {
			dead, txs = append(dead, f), append(txs, *f.tx)
		}
	}
	var lost undone
	for i, got := range c.payloads.read(txs) {
		f := dead[i]
		f.failure.payload, f.failure.encoding = got.value, got.encoding
		if got.err != nil {
			lost.add(f, got.err)
		}
	}
	return c.notDeadLettered(lost, true)
}

// notDeadLettered has transactions requeued whose dead letters are not written. Where others were, or the store says that it is
// pointless, each is at fault itself, and comes back after a delay that grows; otherwise the error says that the store is.
func (c *Consumer) notDeadLettered(lost undone, others bool) error {
	var outage error
	now := c.clock.Now()
	for i, f := range lost.flights {
		v := verdict{outcome: Requeued, action: policy.SettleRequeue, delay: c.settings.Policy.Settle.RequeueDelay}
		v.reported = f.verdict.reported
		switch err := lost.errs[i]; {
		case c.settler.source == nil: // it is lost to this run, which says so below
			outage = lost.err
		case others || refused(err):
			v.delay = c.unwritten.refuse(f.tx.ID(), err, now)
			c.leaveWithSource(f, err)
		default:
			c.unwritten.fail(f.tx.ID(), err, now.After(v.delay))
			outage = lost.err
		}
		f.verdict = v
	}
	c.watcher.notDeadLettered(lost.told())
	if c.settler.source == nil {
		c.unsettled(lost)
	}
	return outage
}

// leaveWithSource ends a loop whose source would have everything after f done again.
func (c *Consumer) leaveWithSource(f *flight, err error) {
	if c.keepsFloor {
		c.stopFetching(unwrittenError(1, f.tx.ID(), err))
	}
}
