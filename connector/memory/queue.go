package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ ergon.Fetcher       = (*Queue)(nil)
	_ ergon.Dispatcher    = (*Queue)(nil)
	_ capability.Settler  = (*Queue)(nil)
	_ capability.Resolver = (*Queue)(nil)
	_ capability.Counter  = (*Queue)(nil)
	_ ergon.Opener        = (*Queue)(nil)
	_ ergon.Closer        = (*Queue)(nil)

	_ capability.Declarer = (*Queue)(nil)
)

// ErrClosed is returned by every operation on a closed queue.
var ErrClosed = errors.New("memory queue is closed; open it first")

// Queue is an in-memory queue that delivers at least once: a delivered transaction stays in flight until it is settled or the
// queue is closed. It is safe for concurrent use by any number of loops and dispatchers. One mutex guards all of it.
//
// Unless [Settings.Dedup] is set, it may have several transactions with the same id.
type Queue struct {
	settings Settings
	leased   bool // whether deliveries expire
	lease    time.Duration

	mu          sync.Mutex
	closed      bool
	users       int
	places      uint64
	waiting     list
	returned    returned
	lanes       lanes
	inFlight    list // where deliveries expire: the next to expire first
	free        pool
	ids         ids // where Settings.Dedup is set
	rejected    []ergon.Transaction
	unconfirmed []item // where Settings.Settles is sent: acknowledged by the last call
	settlements []capability.Settlement
	arrived     signal // something to fetch, or nothing will ever come
	left        signal // room for a dispatch
}

// New returns an open queue whose deliveries never expire. See [NewLeased] for a queue with leases.
func New(settings Settings) *Queue {
	q := &Queue{settings: settings}
	q.settings.Transactions = nil
	q.enqueue(q.enqueueing(settings.Transactions), time.Now())
	return q
}

// Open adds a user of the queue and reopens it if it was closed. It never fails. A new queue is open without it.
func (q *Queue) Open(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.users++
	q.closed = false
	return nil
}

// Close closes the queue once every user who opened it has closed it. Transactions in flight are requeued, as by a broker whose
// connection ends; a later Open finds them. Waiting calls return [ErrClosed]. Close never fails and never waits.
func (q *Queue) Close(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.users = max(q.users-1, 0)
	if q.users > 0 || q.closed {
		return nil
	}
	q.closed = true
	for it := q.inFlight.first; it != nil; it = q.inFlight.first {
		q.giveBack(it)
	}
	q.arrived.raise()
	q.left.raise()
	return nil
}

// CountTransactions returns the number of waiting and delayed transactions. It works on a closed queue as well.
func (q *Queue) CountTransactions(context.Context) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire(time.Now())
	return int64(q.waiting.len + len(q.returned) + q.lanes.len), nil
}

// InFlight returns the number of transactions that are delivered and not settled.
func (q *Queue) InFlight() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire(time.Now())
	return q.inFlight.len
}

// Rejected returns the rejected transactions as they were dispatched, in the order of their settlement. The queue keeps all of
// them.
func (q *Queue) Rejected() []ergon.Transaction {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.rejected)
}

// Settlements returns all settlements that took effect, in order; none unless [Settings.Record] is set.
func (q *Queue) Settlements() []capability.Settlement {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.settlements)
}

func (q *Queue) held() int { return q.waiting.len + len(q.returned) + q.lanes.len + q.inFlight.len }

// giveBack returns an item in flight to its place in the order of dispatch.
func (q *Queue) giveBack(it *item) {
	q.inFlight.remove(it)
	it.delivery, it.due = nil, time.Time{}
	if q.lanes.byKey[it.key] == nil || q.lanes.admit(it) { // otherwise it was out of line, and waits in it now
		q.returned.put(it)
	}
}

// expires reports whether deliveries do, after their lease or after the longest hold.
func (q *Queue) expires() bool { return q.leased || q.settings.MaxHold > 0 }

// expire requeues what has outlived its lease or the longest hold.
func (q *Queue) expire(now time.Time) {
	if !q.expires() {
		return
	}
	var next *item
	for it := q.inFlight.first; it != nil; it = next {
		next = it.next
		switch {
		case !it.due.After(now):
			q.giveBack(it)
		case q.settings.MaxHold <= 0: // the first expires first
			return
		}
	}
}

// ProcessLocal marks the queue as local to its process.
func (*Queue) ProcessLocal() {}

// Declare says that readers compete, whether the queue keeps the order of keys, and whether it deduplicates.
func (q *Queue) Declare() capability.Declaration {
	d := capability.Declaration{
		Lacks: q.settings.Lacks, Destination: q.settings.Name, Notes: q.settings.Notes,
		Settles: q.settings.Settles, Fences: q.settings.Fences, MaxHold: max(q.settings.MaxHold, 0),
		Sharing: capability.SharingCompeting, Order: capability.OrderKey, Dedup: capability.DedupNone,
	}
	if q.settings.Order != "" {
		d.Order = q.settings.Order
	}
	if q.settings.Dedup {
		d.Dedup = capability.DedupReported
	}
	return d
}
