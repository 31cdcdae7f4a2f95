package pipeline

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// release gives transactions back to the source that were fetched and are not wanted: over the limit, or too late.
func (c *Consumer) release(txs []ergon.Transaction) {
	source, ok := c.settings.Source.(ergon.Settler)
	if !ok {
		return // a source that wants no settlement redelivers, or not, by rules of its own
	}
	settlements := make([]ergon.Settlement, len(txs))
	for i, tx := range txs {
		settlements[i] = ergon.Settlement{Transaction: tx, Action: ergon.SettleRequeue, Interrupted: true}
	}
	_, err := ergon.RunFn(c.values, c.settings.Policy.Settle.Retry, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, source.SettleTransactions(ctx, settlements)
	}, ergon.RunOption{Name: spans.Settle})
	if err != nil {
		c.watcher.notReleased(len(txs), err)
	}
}

// releaseWaiting gives back what no worker has begun.
func (c *Consumer) releaseWaiting() {
	for _, f := range append(c.pool.takeWaiting(), c.order.takeHeld()...) {
		f.state, _ = lifecycle.Next(f.state, lifecycle.Interrupted, c.plan)
		c.settle(c.stats.nextShard(), f)
	}
}
