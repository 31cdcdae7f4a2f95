package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

const extendLease = `UPDATE items SET due_at = ? WHERE seq = ? AND claims = ? AND state = 'claimed' AND due_at > ?`

// LeaseDuration returns how long a delivery lasts after a fetch or an extension.
func (q *Queue) LeaseDuration() time.Duration { return q.settings.Lease }

// ExtendLeases extends each delivery to LeaseDuration from now, in one SQL transaction. A *BatchError names lost deliveries,
// with capability.ErrStaleDelivery.
func (q *Queue) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	var failed failures
	err := q.write(ctx, "extend", func(t *tx) error {
		failed = nil
		now := q.micros()
		for i := range batch {
			lost, err := q.extend(t, now, batch[i])
			if err != nil {
				return err
			}
			if lost != nil {
				failed.add(i, fmt.Errorf("%s: transaction %s: %w", q.what, batch[i].ID(), lost))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return failed.err()
}

func (q *Queue) extend(t *tx, now int64, delivered ergon.Transaction) (lost, err error) {
	r, ok := delivered.Delivery().Receipt.(*receipt)
	if !ok || !q.delivered(r) {
		return errForeign, nil
	}
	changed, err := t.exec(extendLease, after(now, q.settings.Lease), r.seq, r.claim, now)
	if err == nil && changed == 0 {
		return capability.ErrStaleDelivery, nil
	}
	return nil, err
}
