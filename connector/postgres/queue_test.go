package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx" of database/sql

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/postgres"
	"github.com/ergon-go/ergon/policy"
)

func transactions(ids ...string) []ergon.Transaction {
	all := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		all[i] = ergon.NewTransaction(id, []byte(`"`+id+`"`))
	}
	return all
}

func idsOf(batch []ergon.Transaction) []string {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	return ids
}

func dispatch(tb testing.TB, to ergon.Dispatcher, batch ...ergon.Transaction) {
	tb.Helper()
	if err := to.DispatchTransactions(tb.Context(), batch); err != nil {
		tb.Fatalf("dispatching: %v", err)
	}
}

func wantFetched(tb testing.TB, from ergon.Fetcher, want ...string) []ergon.Transaction {
	tb.Helper()
	batch, err := from.FetchTransactions(tb.Context(), 100)
	if err != nil {
		tb.Fatalf("fetching: %v", err)
	}
	if got := idsOf(batch); !slices.Equal(got, want) {
		tb.Fatalf("got transactions %q, want %q", got, want)
	}
	return batch
}

func settle(tb testing.TB, at capability.Settler, like capability.Settlement, batch ...ergon.Transaction) {
	tb.Helper()
	all := make([]capability.Settlement, len(batch))
	for i, tx := range batch {
		all[i] = like
		all[i].Transaction = tx
	}
	if err := at.SettleTransactions(tb.Context(), all); err != nil {
		tb.Fatalf("settling: %v", err)
	}
}

func ack(tb testing.TB, at capability.Settler, batch ...ergon.Transaction) {
	tb.Helper()
	settle(tb, at, capability.Settlement{Action: policy.SettleAck}, batch...)
}

// Transactions become visible with the commit of the caller, and only then.
func TestEnqueueIsPartOfTheCallersTransaction(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	b.exec(t, "CREATE TABLE "+b.schema+".orders (id text)")
	db, err := sql.Open("pgx", b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	odd := ergon.NewTransaction(`o"d\d`, []byte("{\x00,}")).WithMetadata("k", `{"a",\}`).WithOrderingKey("k,")
	for name, begin := range map[string]func() (enqueue func([]ergon.Transaction) error, exec func(string), end func(commit bool) error){
		"pgx": func() (func([]ergon.Transaction) error, func(string), func(bool) error) {
			tx, err := b.conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return func(batch []ergon.Transaction) error { return q.Enqueue(t.Context(), tx, batch) },
				func(statement string) {
					if _, err := tx.Exec(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				},
				func(commit bool) error {
					if commit {
						return tx.Commit(t.Context())
					}
					return tx.Rollback(t.Context())
				}
		},
		"database/sql": func() (func([]ergon.Transaction) error, func(string), func(bool) error) {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return func(batch []ergon.Transaction) error { return q.EnqueueSQL(t.Context(), tx, batch) },
				func(statement string) {
					if _, err := tx.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				},
				func(commit bool) error {
					if commit {
						return tx.Commit()
					}
					return tx.Rollback()
				}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, commit := range []bool{false, true} {
				enqueue, exec, end := begin()
				exec("INSERT INTO " + b.schema + ".orders VALUES ('" + name + "')")
				if err := enqueue(append(transactions("a", "b"), odd)); err != nil {
					t.Fatal(err)
				}
				wantFetched(t, q)
				if err := end(commit); err != nil {
					t.Fatal(err)
				}
				var want []string
				if commit {
					want = []string{"a", "b", `o"d\d`}
				}
				batch := wantFetched(t, q, want...)
				if commit && string(batch[2].Payload().([]byte)) != "{\x00,}" {
					t.Errorf("got payload %q", batch[2].Payload())
				}
				ack(t, q, batch...)
			}
			b.advance(t, time.Hour) // ids are forgotten
		})
	}
	if n, err := postgres.Number(t.Context(), q, "SELECT count(*) FROM {schema}.orders"); n != 2 || err != nil {
		t.Errorf("got %d orders, %v, want one of each committed transaction", n, err)
	}
}

// [I2] What is known is reported before the commit, and a conflict of on_conflict: error refuses the item alone.
func TestEnqueueReportsWhatIsKnown(t *testing.T) {
	b := newBench(t)
	q := b.queue(t, func(s *postgres.QueueSettings) { s.OnConflict = capability.ConflictError })
	dispatch(t, q, transactions("a", "b")...)
	tx, err := b.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var reported []string
	ctx := capability.WithDispatchReport(t.Context(), func(tx ergon.Transaction, r capability.DispatchResult) {
		reported = append(reported, tx.ID()+" "+string(r))
	})
	err = q.Enqueue(ctx, tx, append(transactions("a", "c"), ergon.NewTransaction("b", "other")))
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[2], capability.ErrConflict) {
		t.Errorf("got %v, want a conflict of item 2", err)
	}
	if !slices.Equal(reported, []string{"a duplicate"}) {
		t.Errorf("reported %q, want a duplicate", reported)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantFetched(t, q, "a", "b", "c")
}

// A number is taken before its transaction commits. What commits late is found, although the queue has gone on.
func TestWhatCommitsLateIsFound(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	late, err := b.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Enqueue(t.Context(), late, transactions("late")); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		id := fmt.Sprint("t", i)
		dispatch(t, q, transactions(id)...)
		ack(t, q, wantFetched(t, q, id)...)
		if err := postgres.Raise(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if floor := floorOf(t, q); floor > 1 {
		t.Fatalf("the floor is %d while a transaction with number 1 is open", floor)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := postgres.Raise(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if floor := floorOf(t, q); floor != 1 {
		t.Fatalf("the floor is %d while number 1 is ready", floor)
	}
	ack(t, q, wantFetched(t, q, "late")...)
	for range 2 {
		if err := postgres.Raise(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if floor := floorOf(t, q); floor != 7 {
		t.Errorf("the floor is %d after everything up to 6 was claimed, want 7", floor)
	}
	dispatch(t, q, transactions("next")...)
	wantFetched(t, q, "next")
}

func floorOf(t *testing.T, q *postgres.Queue) int64 {
	t.Helper()
	floor, err := postgres.Number(t.Context(), q, "SELECT floor FROM {priorities} WHERE queue = $1 AND priority = 0", postgres.QueueNumber(q))
	if err != nil {
		t.Fatal(err)
	}
	return floor
}

// A claim changes no index of items: the server writes the new row into the same page.
func TestClaimsTouchNoIndex(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprint("t", i))
	}
	dispatch(t, q, transactions(ids...)...)
	for range 10 {
		if _, err := q.FetchTransactions(t.Context(), 20); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(t.Context()); err != nil { // the server's sessions report what they did
		t.Fatal(err)
	}
	var updates, hot int64
	for range 500 {
		err := b.conn.QueryRow(t.Context(), `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
			WHERE schemaname = $1 AND relname = 'items'`, b.schema).Scan(&updates, &hot)
		if err != nil {
			t.Fatal(err)
		}
		if updates >= 200 {
			break
		}
		b.exec(t, "SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")
	}
	if updates != 200 || hot < 60 { // without pruning there is room for about every third
		t.Errorf("%d of %d updates of a claim touched no index, want at least 60 of 200", hot, updates)
	}
}

// [L8] Several consumers get each transaction once, and the transactions of a key one at a time, in order.
func TestConsumersShareWhatThereIs(t *testing.T) {
	b := newBench(t)
	const count, consumers, keys = 240, 4, 8
	q := b.queue(t)
	for i := range count {
		dispatch(t, q, ergon.NewTransaction(fmt.Sprint(i), []byte("{}")).WithOrderingKey(fmt.Sprint("k", i%keys)))
	}
	var mu sync.Mutex
	var order []string
	out := map[string]bool{}
	var group sync.WaitGroup
	for range consumers {
		mine := b.queue(t)
		group.Go(func() {
			for {
				batch, err := mine.FetchTransactions(t.Context(), 5)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, tx := range batch {
					if out[tx.OrderingKey()] {
						t.Errorf("two transactions of %s are out", tx.OrderingKey())
					}
					out[tx.OrderingKey()] = true
					order = append(order, tx.ID())
				}
				done := len(order) >= count
				for _, tx := range batch {
					delete(out, tx.OrderingKey())
				}
				mu.Unlock()
				for _, tx := range batch {
					if err := mine.SettleTransactions(t.Context(), []capability.Settlement{{Transaction: tx, Action: policy.SettleAck}}); err != nil {
						t.Error(err)
						return
					}
				}
				if done || t.Context().Err() != nil {
					return
				}
			}
		})
	}
	group.Wait()
	last := map[int]int{}
	seen := map[string]bool{}
	for _, id := range order {
		n := 0
		if _, err := fmt.Sscan(id, &n); err != nil {
			t.Fatal(err)
		}
		if seen[id] || last[n%keys] > n {
			t.Fatalf("%s is out of order, or twice: %q", id, order)
		}
		seen[id], last[n%keys] = true, n
	}
	if len(seen) != count {
		t.Errorf("got %d of %d", len(seen), count)
	}
}

// A dispatch of another process, here of another set of connections, ends the wait of a fetch.
func TestNotificationsWakeOtherProcesses(t *testing.T) {
	b := newBench(t)
	patient := func(s *postgres.QueueSettings) { s.MaxWait, s.PollInterval = time.Minute, time.Minute }
	waiting := b.queue(t, patient)
	if !postgres.IsNotified(waiting) {
		t.Fatal("notifications do not arrive")
	}
	sending := b.queue(t, func(s *postgres.QueueSettings) { s.MaxConnections = 2 })
	got := make(chan []string, 1)
	go func() {
		batch, err := waiting.FetchTransactions(t.Context(), 1)
		if err != nil {
			t.Error(err)
		}
		got <- idsOf(batch)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dispatch(t, sending, transactions("a")...)
	select {
	case ids := <-got:
		if !slices.Equal(ids, []string{"a"}) {
			t.Errorf("got %q, want a", ids)
		}
	case <-ctx.Done():
		t.Fatal("the fetch went on waiting")
	}
}

func TestTextsComeBackAsTheyWere(t *testing.T) {
	for _, text := range []string{"", "a", "ä", "\x00", "a\xff", `\x`, `\x41`, "\\", strings.Repeat("x", 100)} {
		if got := postgres.Read(postgres.Storable(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	if here, everywhere := postgres.Reasons(); !slices.Equal(here, everywhere) {
		t.Errorf("got reasons %q, want %q", here, everywhere)
	}
}

// Names that no index can hold are refused alone, by a permanent error.
func TestLongNamesAreRefused(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	long := strings.Repeat("x", 1001)
	err := q.DispatchTransactions(t.Context(), []ergon.Transaction{
		ergon.NewTransaction(long, "{}"), ergon.NewTransaction("key", "{}").WithOrderingKey(long), ergon.NewTransaction(long[1:], "{}"),
		ergon.NewTransaction("a\x00\xff", "{}").WithOrderingKey("\x00"),
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 2 || failed.Failures[0] == nil || failed.Failures[1] == nil {
		t.Fatalf("got %v, want failures of items 0 and 1", err)
	}
	for i, part := range []string{"its id has 1001 bytes", "its ordering key has 1001 bytes"} {
		if !strings.Contains(failed.Failures[i].Error(), part) || !(&ergon.TransactionError{Err: failed.Failures[i]}).IsPermanent() {
			t.Errorf("got %v, want a permanent error with %q", failed.Failures[i], part)
		}
	}
	wantFetched(t, q, long[1:], "a\x00\xff")
}
