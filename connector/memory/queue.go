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

// Queue is an in-memory queue that delivers at least once: what it delivered stays in flight until it is settled or the
// queue is closed. One mutex guards it: it is safe for concurrent use by any number of loops and dispatchers.
//
// Unless Settings.Dedup is set, ids are neither indexed nor compared: a transaction whose id is in the queue already is kept
// beside the other.
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
	settlements []capability.Settlement
	arrived     signal // something to fetch, or nothing will ever come
	left        signal // room for a dispatch
}

// New makes a queue, open for use, whose deliveries never expire. [NewLeased] makes one whose deliveries do.
func New(settings Settings) *Queue {
	q := &Queue{settings: settings}
	q.settings.Transactions = nil
	q.enqueue(q.intake(settings.Transactions), time.Now())
	return q
}

// Open counts one more user of the queue and reopens it if it was closed. It never fails. A queue is usable without.
func (q *Queue) Open(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.users++
	q.closed = false
	return nil
}

// Close closes the queue once every user who opened it has closed it. What is still in flight is given back, as a broker
// does whose connection ends; a later Open finds it. Waiting calls end with ErrClosed. It never fails and never waits.
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

// CountTransactions returns how many transactions are waiting or delayed. It works on a closed queue, too.
func (q *Queue) CountTransactions(context.Context) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire(time.Now())
	return int64(q.waiting.len + len(q.returned) + q.lanes.len), nil
}

// InFlight returns how many transactions are delivered and not settled.
func (q *Queue) InFlight() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire(time.Now())
	return q.inFlight.len
}

// Rejected returns the transactions that were rejected, as they were dispatched, in the order of their settlement. The
// queue keeps them for as long as it lives.
func (q *Queue) Rejected() []ergon.Transaction {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.rejected)
}

// Settlements returns every settlement that took effect, in order; none unless Settings.Record is set.
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

// expire gives back what has outlived its lease.
func (q *Queue) expire(now time.Time) {
	if !q.leased {
		return
	}
	for it := q.inFlight.first; it != nil && !it.due.After(now); it = q.inFlight.first {
		q.giveBack(it)
	}
}

// ProcessLocal marks a queue as one that no other process sees.
func (*Queue) ProcessLocal() {}

// Declare says that all readers of a queue compete, whether it keeps the order of keys, and whether it deduplicates.
func (q *Queue) Declare() capability.Declaration {
	d := capability.Declaration{
		Destination: q.settings.Name, Sharing: capability.SharingCompeting, Order: capability.OrderKey, Dedup: capability.DedupNone,
	}
	if q.settings.Order != "" {
		d.Order = q.settings.Order
	}
	if q.settings.Dedup {
		d.Dedup = capability.DedupTold
	}
	return d
}
