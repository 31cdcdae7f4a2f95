package memory

import (
	"time"

	"github.com/ergon-go/ergon/capability"
)

// Restart is what the failure of a server is to its clients: deliveries in flight are requeued, their receipts are stale, and what
// was not durable is undone; see [Settings.Settles]. The queue stays open. It is for tests.
func (q *Queue) Restart() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for it := q.inFlight.first; it != nil; it = q.inFlight.first {
		q.giveBack(it)
	}
	for i := range q.unconfirmed {
		q.restore(&q.unconfirmed[i])
	}
	q.unconfirmed = nil
	q.arrived.raise()
}

// unconfirm keeps an item in flight, which is about to be dropped, for a restart that undoes that.
func (q *Queue) unconfirm(it *item) {
	if q.settings.Settles == capability.SettlesSent {
		q.unconfirmed = append(q.unconfirmed, item{
			queue: q, transaction: it.transaction, enqueuedAt: it.enqueuedAt, place: it.place, count: it.count, key: it.key,
		})
	}
}

// restore puts a dropped item back to its place in the order of dispatch.
func (q *Queue) restore(dropped *item) {
	q.free.reserve(1)
	it := q.free.take()
	*it = *dropped
	it.due = time.Time{}
	if q.lanes.admit(it) {
		q.returned.put(it)
	}
}
