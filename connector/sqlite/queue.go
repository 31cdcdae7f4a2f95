package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ ergon.Fetcher          = (*Queue)(nil)
	_ ergon.Dispatcher       = (*Queue)(nil)
	_ capability.Settler     = (*Queue)(nil)
	_ capability.LeaseKeeper = (*Queue)(nil)
	_ capability.Resolver    = (*Queue)(nil)
	_ capability.Counter     = (*Queue)(nil)
	_ ergon.Opener           = (*Queue)(nil)
	_ ergon.Closer           = (*Queue)(nil)
	_ capability.Hopper      = (*Queue)(nil)
	_ capability.Inspector   = (*Queue)(nil)
	_ capability.Replayer    = (*Queue)(nil)
	_ capability.Declarer    = (*Queue)(nil)
)

// Queue is one queue in a file. Its methods are safe for concurrent use, by any number of processes.
type Queue struct {
	database

	settings QueueSettings
	number   atomic.Int64 // of the queue in its file; known once it is open
	idle     atomic.Bool  // the last fetch found nothing
	tidied   atomic.Int64 // when what is forgotten was deleted last, in microseconds
}

// NewQueue returns a queue that is not open yet. If the settings are invalid, the error has every fault, each a *policy.Fault.
func NewQueue(s QueueSettings) (*Queue, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Queue{database: newDatabase("sqlite queue "+s.Queue, s.DatabaseConfig, s.Now), settings: s}, nil
}

const (
	addQueue  = `INSERT INTO queues (name) VALUES (?) ON CONFLICT (name) DO NOTHING`
	findQueue = `SELECT queue FROM queues WHERE name = ?`
)

// Open opens or creates the file and updates its schema. It refuses a file that is damaged or cannot be written, that is not a
// database, or that belongs to another program or to a newer version of this one.
func (q *Queue) Open(ctx context.Context) error {
	if err := q.open(ctx); err != nil {
		return err
	}
	return q.write(ctx, "open", func(t *tx) error {
		if _, err := t.exec(addQueue, q.settings.Queue); err != nil {
			return err
		}
		number, err := t.number(ctx, findQueue, q.settings.Queue)
		q.number.Store(number)
		return err
	})
}

// Close closes the file, unless another connector of this process uses it. Unsettled deliveries stay claimed until their leases
// expire. If the queue is not open, it does nothing.
func (q *Queue) Close(ctx context.Context) error { return q.close(ctx) }

// DispatchTransactions stores batch in one SQL transaction and returns nil when it is durable. A *BatchError names those that can
// never be stored: too large, not encodable, or with invalid metadata. Bytes and text are stored as they are and delivered as
// bytes; other payloads are stored and delivered as JSON. If the queue has a transaction with the same id and arrival, or had one
// within its dedup window, the new one is not stored: [capability.ReportDispatch] reports whether its content is the same.
func (q *Queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	items, failures := q.encode(batch)
	if len(items) > 0 {
		var known []known
		err := q.write(ctx, "dispatch", func(t *tx) error {
			to := q.enqueueing()
			err := t.enqueue(&to, q.micros(), items)
			known = to.known
			return err
		})
		if err != nil {
			return err
		}
		q.tell(ctx, known, &failures)
	}
	return failures.err()
}

func (q *Queue) encode(batch []ergon.Transaction) ([]item, failures) {
	var failed failures
	items := make([]item, 0, len(batch))
	for i := range batch {
		it, err := encode(batch[i], q.settings.MaxPayloadBytes)
		if err != nil {
			failed.add(i, fmt.Errorf("%s: %w", q.what, err))
			continue
		}
		it.of, it.at = &batch[i], i
		items = append(items, it)
	}
	return items, failed
}

// Declare says that readers compete, that the queue keeps the order of keys, and whether it deduplicates.
func (q *Queue) Declare() capability.Declaration {
	d := capability.Declaration{
		Destination: q.settings.Queue, Sharing: capability.SharingCompeting, Order: capability.OrderKey, Dedup: capability.DedupReported,
	}
	if !q.settings.Dedup {
		d.Dedup = capability.DedupNone
	}
	if q.settings.Durability == DurabilityNormal {
		d.Notes = []string{"durability normal: a power cut may undo the last commits; a killed process loses nothing"}
	}
	return d
}

// forgetAt is when a transaction that is settled now is forgotten; 0 for at once.
func (q *Queue) forgetAt(now int64) int64 {
	rememberFor := q.settings.RetainSettled
	if q.settings.Dedup {
		rememberFor = max(rememberFor, q.settings.DedupWindow)
	}
	if rememberFor == 0 {
		return 0
	}
	return after(now, rememberFor)
}

// after is micros later by d, rounded up so that what lasts for d never lasts shorter.
func after(micros int64, d time.Duration) int64 {
	whole := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		whole++ // rounded up, without adding to d first: it may be the longest there is
	}
	return micros + whole
}

// failures collects the failed items of a batch; it allocates nothing while there are none.
type failures map[int]error

// add notes the error of an item; nil is none.
func (f *failures) add(i int, err error) {
	if err == nil {
		return
	}
	if *f == nil {
		*f = failures{}
	}
	(*f)[i] = err
}

func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: f}
}
