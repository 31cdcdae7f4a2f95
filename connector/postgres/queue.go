package postgres

import (
	"context"
	"fmt"
	"sync"
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
	_ capability.Prober      = (*Queue)(nil)
)

// Queue is one queue in a schema. Its methods are safe for concurrent use, by any number of processes.
type Queue struct {
	database

	settings QueueSettings
	number   atomic.Int64 // of the queue in its schema; known once it is open
	tidied   atomic.Int64 // when it was tidied last, in nanoseconds of this process' clock

	mu    sync.Mutex
	hints hints
}

// NewQueue returns a queue that is not open yet. If the settings are invalid, the error has every fault, each a *policy.Fault.
func NewQueue(s QueueSettings) (*Queue, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Queue{database: database{what: "postgres queue " + s.Queue, config: s.DatabaseConfig}, settings: s}, nil
}

const (
	addQueue  = `INSERT INTO {queues} (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`
	findQueue = `SELECT queue FROM {queues} WHERE name = $1`
)

// Open connects, and creates or updates the tables as the configuration says. It refuses a server that is too old, a schema that
// belongs to a newer version, and a server that can only be read.
func (q *Queue) Open(ctx context.Context) error {
	if err := q.open(ctx); err != nil {
		return err
	}
	return q.use(ctx, "open", func(ctx context.Context, s *store) error {
		number := int64(0)
		for number == 0 {
			switch err := s.pool.QueryRow(ctx, s.sql(findQueue), q.settings.Queue).Scan(&number); {
			case err == nil:
			case !isNoRows(err):
				return err
			default:
				if _, err := s.pool.Exec(ctx, s.sql(addQueue), q.settings.Queue); err != nil {
					return err
				}
			}
		}
		q.number.Store(number)
		return nil
	})
}

// Close closes the connections, unless another connector of this process uses them. Unsettled deliveries stay claimed until their
// leases expire. If the queue is not open, it does nothing.
func (q *Queue) Close(ctx context.Context) error { return q.close(ctx) }

// Probe returns why Open would fail. It connects and changes nothing.
func (q *Queue) Probe(ctx context.Context) error { return q.probe(ctx) }

// DispatchTransactions stores batch in one SQL transaction and returns nil when it is durable. A *BatchError names those that can
// never be stored: too large, not encodable, or with invalid metadata. Bytes and text are stored as they are and delivered as bytes;
// other payloads are stored and delivered as JSON. If the queue has a transaction with the same id and arrival, or had one within its
// dedup window, the new one is not stored: [capability.ReportDispatch] reports whether its content is the same.
func (q *Queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	items, failures := q.encode(batch)
	if len(items) > 0 {
		known, err := q.dispatch(ctx, items)
		if err != nil {
			return err
		}
		q.tell(ctx, known, &failures)
	}
	return failures.err()
}

func (q *Queue) dispatch(ctx context.Context, items []item) (known []known, err error) {
	if err := q.levels(ctx, items); err != nil {
		return nil, err
	}
	if len(items) == 1 && items[0].isPlain() || !q.settings.Dedup && arePlain(items) {
		return q.dispatchAtOnce(ctx, items)
	}
	err = q.write(ctx, "dispatch", func(ctx context.Context, t *tx) error {
		to := q.intake()
		err := to.enqueue(ctx, t, items)
		known, t.woken = to.known, append(t.woken, to.queue)
		return err
	})
	return known, err
}

// dispatchAtOnce stores items that one statement stores or does not store. What it does not store takes a transaction.
func (q *Queue) dispatchAtOnce(ctx context.Context, items []item) (known []known, err error) {
	to := q.intake()
	stored := 0
	err = q.use(ctx, "dispatch", func(ctx context.Context, s *store) error {
		stored = 0
		rows, err := s.pool.Query(ctx, s.sql(insertItems), to.arguments(items)...)
		if err == nil {
			err = eachRow(rows, func(func(into ...any) error) error {
				stored++
				return nil
			})
		}
		if stored > 0 && err == nil {
			s.wake.up([]int64{to.queue})
		}
		return err
	})
	if err != nil || stored == len(items) {
		return nil, err
	}
	err = q.write(ctx, "dispatch", func(ctx context.Context, t *tx) error {
		to = q.intake()
		err := to.enqueue(ctx, t, items)
		known, t.woken = to.known, append(t.woken, to.queue)
		return err
	})
	return known, err
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
		Settles: capability.SettlesConfirmed, Fences: capability.FenceStore,
		Notes: []string{"durable as synchronous_commit of the server says; a failover to an asynchronous standby may undo the last commits"},
	}
	if q.config.Pooler || !q.config.Notify {
		d.Notes = append(d.Notes, "no notifications: a transaction of another process is found within "+q.config.PollInterval.String())
	}
	if !q.settings.Dedup {
		d.Dedup = capability.DedupNone
	}
	return d
}

// remembered is how long the queue remembers what is settled; 0 for not at all.
func (q *Queue) remembered() time.Duration {
	if q.settings.Dedup {
		return max(q.settings.RetainSettled, q.settings.DedupWindow)
	}
	return q.settings.RetainSettled
}
