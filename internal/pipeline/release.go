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

// releaser gives transactions back to the source that were fetched and are not wanted: over the limit, in a pause, or too late. They do
// not count as delivered. Safe for concurrent use.
type releaser struct {
	source     capability.Settler // nil: the source redelivers, or not, by rules of its own
	calls      batchCaller
	capacity   *capacity
	watcher    *watcher
	background *background
	deliveries *deliveries // nil: the source is neither attached nor in order
}

// release waits until the transactions are requeued, or the settle policy's attempts are over.
func (r *releaser) release(ctx context.Context, txs []ergon.Transaction) {
	if r.source == nil {
		return
	}
	all := txs
	txs = r.deliveries.giveBack(all)
	defer r.deliveries.givenBack(all)
	if len(txs) == 0 {
		return
	}
	settlements := make([]capability.Settlement, len(txs))
	for i, tx := range txs {
		settlements[i] = capability.Settlement{Transaction: tx, Action: policy.SettleRequeue, Interrupted: true}
	}
	failed, _ := r.calls.call(ctx, spans.Settle, newRetriedBatch(callSettle, len(settlements)), func(ctx context.Context, left []int) error {
		return r.source.SettleTransactions(ctx, pick(settlements, left))
	})
	maps.DeleteFunc(failed, func(_ int, err error) bool { return errors.Is(err, capability.ErrStaleDelivery) }) // they are back
	if len(failed) > 0 {
		r.watcher.log.notReleased(len(failed), &ergon.BatchError{Failures: failed})
	}
}

// releaseLater does not wait. The end of the loop does.
func (r *releaser) releaseLater(txs []ergon.Transaction) {
	r.capacity.unsettled.Add(int64(len(txs)))
	r.background.run(func(ctx context.Context) {
		r.release(ctx, txs)
		r.capacity.settled(len(txs), false)
	})
}
