package sqlite_test

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// clock is a time that only the test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{at: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time           { return c.at }
func (c *clock) advance(by time.Duration) { c.at = c.at.Add(by) }

// bench is a file with a clock of its own.
type bench struct {
	*clock

	path string
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	return &bench{clock: newClock(), path: filepath.Join(tb.TempDir(), "queue.db")}
}

const lease = time.Minute

// queue opens the queue jobs of the file, whose fetches do not wait.
func (b *bench) queue(tb testing.TB, change ...func(*sqlite.QueueSettings)) *sqlite.Queue {
	tb.Helper()
	q := b.newQueue(tb, change...)
	open(tb, q)
	return q
}

func (b *bench) newQueue(tb testing.TB, change ...func(*sqlite.QueueSettings)) *sqlite.Queue {
	tb.Helper()
	s := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig(), Now: b.now}
	s.Path, s.Queue, s.MaxWait, s.Durability, s.Lease = b.path, "jobs", 0, sqlite.DurabilityNormal, lease
	for _, c := range change {
		c(&s)
	}
	q, err := sqlite.NewQueue(s)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func (b *bench) deadLetters(tb testing.TB) *sqlite.DeadLetters {
	tb.Helper()
	s := sqlite.DeadLettersSettings{DeadLettersConfig: sqlite.DefaultDeadLettersConfig(), Now: b.now}
	s.Path, s.Durability = b.path, sqlite.DurabilityNormal
	d, err := sqlite.NewDeadLetters(s)
	if err != nil {
		tb.Fatal(err)
	}
	open(tb, d)
	return d
}

type connector interface {
	ergon.Opener
	ergon.Closer
}

func open(tb testing.TB, c connector) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	if err := c.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func named(name string) func(*sqlite.QueueSettings) {
	return func(s *sqlite.QueueSettings) { s.Queue = name }
}

// transaction has its id as its payload. Metadata is given as "key=value".
func transaction(id string, metadata ...string) ergon.Transaction {
	tx := ergon.NewTransaction(id, []byte(`"`+id+`"`))
	for _, pair := range metadata {
		k, v, _ := strings.Cut(pair, "=")
		tx = tx.WithMetadata(k, v)
	}
	return tx
}

func transactions(ids ...string) []ergon.Transaction {
	all := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		all[i] = transaction(id)
	}
	return all
}

// numbered makes n transactions with the ids t0, t1 and so on.
func numbered(n int) []ergon.Transaction {
	all := make([]ergon.Transaction, n)
	for i := range all {
		all[i] = transaction("t" + strconv.Itoa(i))
	}
	return all
}

func dispatch(tb testing.TB, to ergon.Dispatcher, batch ...ergon.Transaction) {
	tb.Helper()
	if err := to.DispatchTransactions(tb.Context(), batch); err != nil {
		tb.Fatalf("dispatching: %v", err)
	}
}

func fetch(tb testing.TB, from ergon.Fetcher, limit int) []ergon.Transaction {
	tb.Helper()
	batch, err := from.FetchTransactions(tb.Context(), limit)
	if err != nil {
		tb.Fatalf("fetching %d: %v", limit, err)
	}
	return batch
}

// wantFetched fetches with room to spare and wants exactly these ids, in order.
func wantFetched(tb testing.TB, from ergon.Fetcher, want ...string) []ergon.Transaction {
	tb.Helper()
	batch := fetch(tb, from, 100)
	wantIDs(tb, batch, want...)
	return batch
}

func wantIDs(tb testing.TB, batch []ergon.Transaction, want ...string) {
	tb.Helper()
	if got := idsOf(batch); !slices.Equal(got, want) {
		tb.Fatalf("got transactions %q, want %q", got, want)
	}
}

func idsOf(batch []ergon.Transaction) []string {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	return ids
}

func settlements(like capability.Settlement, batch ...ergon.Transaction) []capability.Settlement {
	made := make([]capability.Settlement, len(batch))
	for i, tx := range batch {
		made[i] = like
		made[i].Transaction = tx
	}
	return made
}

func settle(tb testing.TB, at capability.Settler, like capability.Settlement, batch ...ergon.Transaction) {
	tb.Helper()
	if err := at.SettleTransactions(tb.Context(), settlements(like, batch...)); err != nil {
		tb.Fatalf("settling: %v", err)
	}
}

func ack(tb testing.TB, at capability.Settler, batch ...ergon.Transaction) {
	tb.Helper()
	settle(tb, at, capability.Settlement{Action: policy.SettleAck}, batch...)
}

var (
	requeued    = capability.Settlement{Action: policy.SettleRequeue}
	interrupted = capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}
	rejected    = capability.Settlement{Action: policy.SettleReject}
)

func later(d time.Duration) capability.Settlement {
	return capability.Settlement{Action: policy.SettleRequeue, Delay: d}
}

func letters(tb testing.TB, from deadletter.Store) []deadletter.Letter {
	tb.Helper()
	all, err := from.ListDeadLetters(tb.Context(), deadletter.Filter{}, deadletter.Page{Limit: 1000})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func wantError(tb testing.TB, err error, parts ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("the error lacks %q:\n%v", part, err)
		}
	}
}
