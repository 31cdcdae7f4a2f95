package pipeline

import (
	"context"
	"errors"
	"maps"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// releaseBeside is release for what the loop does not wait for but ends after.
func (c *Consumer) releaseBeside(txs []ergon.Transaction) {
	c.capacity.unsettled.Add(int64(len(txs)))
	c.helpers.Go(func() {
		c.release(c.background, txs)
		c.capacity.settled(len(txs), false)
	})
}

// release gives transactions back to the source that were fetched and are not wanted: over the limit, or too late.
func (c *Consumer) release(ctx context.Context, txs []ergon.Transaction) {
	source, ok := c.settings.Source.(capability.Settler)
	if !ok {
		return // a source that wants no settlement redelivers, or not, by rules of its own
	}
	settlements := make([]capability.Settlement, len(txs))
	for i, tx := range txs {
		settlements[i] = capability.Settlement{Transaction: tx, Action: policy.SettleRequeue, Interrupted: true}
	}
	failed, _ := c.inParts(ctx, spans.Settle, newParts(callSettle, len(settlements)), func(ctx context.Context, parts []int) error {
		return source.SettleTransactions(ctx, pick(settlements, parts))
	})
	maps.DeleteFunc(failed, func(_ int, err error) bool { return errors.Is(err, capability.ErrStaleDelivery) }) // they are back
	if len(failed) > 0 {
		c.watcher.notReleased(len(failed), &ergon.BatchError{Failures: failed})
	}
}

// releaseWaiting gives back what no worker has begun.
func (c *Consumer) releaseWaiting() {
	c.finisher.release(c.waiting.close())
	c.finisher.release(c.outage.close())
	c.finisher.release(c.pool.takeWaiting())
	c.finisher.release(c.order.takeHeld())
}
