package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// The benchmarks compare with loops that somebody would write by hand on the same driver, with prepared statements: ids that
// are unique, leases, tokens and nothing else. The work is done in batches of 100, durable when each call returns.
const batchSize = 100

// background has no end: with a context that may end, the driver starts a goroutine for each statement.
var background = context.Background()

var payload = []byte(`{"airport":"BARKSDALE AIR FORCE BASE ARPT","damage":"None","date":"1990-01-09","species":"Unknown bird or bat"}`)

func benchmarkQueue(b *testing.B, path, name string, window time.Duration) *sqlite.Queue {
	b.Helper()
	s := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	s.Path, s.Queue, s.MaxWait, s.DedupWindow = path, name, 0, window
	q, err := sqlite.NewQueue(s)
	if err != nil {
		b.Fatal(err)
	}
	open(b, q)
	return q
}

// byHand is the loop written by hand, with its statements.
type byHand struct {
	testing.TB

	db                           *sql.DB
	enqueue, claim, settle, emit *sql.Stmt
}

func leanByHand(b *testing.B) *byHand {
	b.Helper()
	h := newByHand(b, newBench(b).path)
	for _, table := range []string{"jobs", "results"} {
		h.exec("CREATE TABLE " + table + " (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, " +
			"token INTEGER NOT NULL DEFAULT 0, until INTEGER, enqueued_at INTEGER NOT NULL, payload BLOB NOT NULL)")
		h.exec("CREATE INDEX " + table + "_state ON " + table + " (state, seq)")
	}
	const insert = "INSERT INTO %s (id, state, enqueued_at, payload) VALUES (?1, 0, ?2, ?3) ON CONFLICT DO NOTHING"
	h.enqueue, h.emit = h.prepare(fmt.Sprintf(insert, "jobs")), h.prepare(fmt.Sprintf(insert, "results"))
	h.claim = h.prepare("UPDATE jobs SET state = 1, token = token + 1, until = ? WHERE seq IN (SELECT seq FROM jobs WHERE state = 0 " +
		"ORDER BY seq LIMIT ?) RETURNING seq, token, id, enqueued_at, payload")
	h.settle = h.prepare("DELETE FROM jobs WHERE seq = ? AND token = ? AND state = 1 AND until > ?")
	return h
}

func sameByHand(b *testing.B) *byHand {
	b.Helper()
	path := newBench(b).path
	benchmarkQueue(b, path, "in", 0) // makes the tables, and stays open
	h := newByHand(b, path)
	const insert = "INSERT INTO items (queue, id, state, priority, place, enqueued_at, ready_at, payload) " +
		"VALUES (%d, ?1, 'ready', 0, (SELECT coalesce(max(seq), 0) + 1 FROM items), ?2, ?2, ?3) ON CONFLICT DO NOTHING"
	h.enqueue, h.emit = h.prepare(fmt.Sprintf(insert, 1)), h.prepare(fmt.Sprintf(insert, 2))
	h.claim = h.prepare("UPDATE items SET state = 'claimed', claims = claims + 1, deliveries = deliveries + 1, due_at = ? WHERE seq IN " +
		"(SELECT seq FROM items WHERE queue = 1 AND state = 'ready' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?) " +
		"RETURNING seq, claims, id, enqueued_at, payload")
	h.settle = h.prepare("DELETE FROM items WHERE seq = ? AND claims = ? AND state = 'claimed' AND due_at > ?")
	return h
}

func newByHand(b *testing.B, path string) *byHand {
	b.Helper()
	db, err := database(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	h := &byHand{TB: b, db: db}
	h.exec("PRAGMA journal_mode = WAL")
	h.exec("PRAGMA synchronous = FULL")
	return h
}

func (h *byHand) exec(statement string) {
	h.Helper()
	if _, err := h.db.ExecContext(background, statement); err != nil {
		h.Fatal(err)
	}
}

func (h *byHand) prepare(statement string) *sql.Stmt {
	h.Helper()
	s, err := h.db.PrepareContext(background, statement)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

func (h *byHand) inTransaction(do func(tx *sql.Tx)) {
	tx, err := h.db.BeginTx(background, nil)
	if err != nil {
		h.Fatal(err)
	}
	do(tx)
	if err := tx.Commit(); err != nil {
		h.Fatal(err)
	}
}

func (h *byHand) add(ids ...string) {
	h.inTransaction(func(tx *sql.Tx) {
		s := tx.StmtContext(background, h.enqueue)
		defer s.Close()
		now := time.Now().UnixMicro()
		for _, id := range ids {
			if _, err := s.ExecContext(background, id, now, payload); err != nil {
				h.Fatal(err)
			}
		}
	})
}

type job struct {
	seq, token, enqueued int64
	id                   string
	payload              []byte
}

func (h *byHand) take() (jobs []job) {
	h.inTransaction(func(tx *sql.Tx) {
		s := tx.StmtContext(background, h.claim)
		defer s.Close()
		rows, err := s.QueryContext(background, time.Now().Add(time.Minute).UnixMicro(), batchSize)
		if err != nil {
			h.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var j job
			if err := rows.Scan(&j.seq, &j.token, &j.id, &j.enqueued, &j.payload); err != nil {
				h.Fatal(err)
			}
			jobs = append(jobs, j)
		}
		if err := rows.Err(); err != nil {
			h.Fatal(err)
		}
	})
	return jobs
}

func (h *byHand) finish(tx *sql.Tx, jobs []job) {
	s := tx.StmtContext(background, h.settle)
	defer s.Close()
	now := time.Now().UnixMicro()
	for _, j := range jobs {
		if _, err := s.ExecContext(background, j.seq, j.token, now); err != nil {
			h.Fatal(err)
		}
	}
}

// hop writes a result for each job and settles it.
func (h *byHand) hop(jobs []job) {
	h.inTransaction(func(tx *sql.Tx) {
		emit, now := tx.StmtContext(background, h.emit), time.Now().UnixMicro()
		defer emit.Close()
		for _, j := range jobs {
			if _, err := emit.ExecContext(background, j.id+":0", now, j.payload); err != nil {
				h.Fatal(err)
			}
		}
		h.finish(tx, jobs)
	})
}

// ids makes the ids of a batch, as a UUID looks.
func ids(from int) []string {
	all := make([]string, batchSize)
	for i := range all {
		all[i] = fmt.Sprintf("0199c3a2-%012d-7abc-8def", from+i)
	}
	return all
}

func batchOf(from int) []ergon.Transaction {
	all := make([]ergon.Transaction, batchSize)
	for i, id := range ids(from) {
		all[i] = ergon.NewTransaction(id, payload)
	}
	return all
}

// contestant is one way to do the work.
type contestant struct {
	enqueue, claimAndSettle, hop func(n int)
}

// contestants are, in this order: the loop written by hand on a table of its own, with no more columns than it needs; the same
// loop on the queue's own tables; and the queue.
func contestants(b *testing.B, window time.Duration) []contestant {
	b.Helper()
	path := newBench(b).path
	in, out := benchmarkQueue(b, path, "in", window), benchmarkQueue(b, path, "out", window)
	lean, same := leanByHand(b), sameByHand(b)
	all := []contestant{{
		enqueue:        func(n int) { dispatch(b, in, batchOf(n)...) },
		claimAndSettle: func(int) { ack(b, in, fetch(b, in, batchSize)...) },
		hop: func(int) {
			batch := fetch(b, in, batchSize)
			hops := make([]capability.Hop, len(batch))
			for i, tx := range batch {
				hops[i] = hop(tx, capability.Output{To: out, Transactions: []ergon.Transaction{ergon.NewTransaction(tx.ID()+":0", tx.Payload())}})
			}
			if err := in.HopTransactions(b.Context(), hops); err != nil {
				b.Fatal(err)
			}
		},
	}}
	for _, h := range []*byHand{same, lean} {
		all = append(all, contestant{
			enqueue: func(n int) { h.add(ids(n)...) },
			claimAndSettle: func(int) {
				jobs := h.take()
				h.inTransaction(func(tx *sql.Tx) { h.finish(tx, jobs) })
			},
			hop: func(int) { h.hop(h.take()) },
		})
	}
	slices.Reverse(all)
	return all
}

// beside has each do a batch in turns, so that whatever else the machine does slows all of them down.
func beside(b *testing.B, window time.Duration, pick func(contestant) func(n int), filled int) {
	b.Helper()
	all := contestants(b, window)
	var took [3]time.Duration
	n := 0
	for b.Loop() {
		for i, c := range all {
			if filled > 0 && n%filled == 0 {
				for at := range filled / batchSize {
					c.enqueue(n + at*batchSize)
				}
			}
			began := time.Now()
			pick(c)(n)
			took[i] += time.Since(began)
		}
		n += batchSize
	}
	b.ReportMetric(0, "ns/op") // of three together, and of what prepares them
	for i, name := range []string{"lean-by-hand-tx/s", "by-hand-tx/s", "queue-tx/s"} {
		b.ReportMetric(float64(n)/took[i].Seconds(), name)
	}
	b.ReportMetric(100*took[0].Seconds()/took[2].Seconds(), "%-of-lean")
	b.ReportMetric(100*took[1].Seconds()/took[2].Seconds(), "%-of-by-hand")
}

func BenchmarkEnqueue(b *testing.B) {
	beside(b, 0, func(c contestant) func(int) { return c.enqueue }, 0)
}

func BenchmarkClaimAndSettle(b *testing.B) {
	beside(b, 0, func(c contestant) func(int) { return c.claimAndSettle }, 10_000)
}

func BenchmarkHop(b *testing.B) {
	beside(b, 0, func(c contestant) func(int) { return c.hop }, 10_000)
}

// BenchmarkDedupWindow is BenchmarkClaimAndSettle with ids that are remembered, which the loops by hand do not do.
func BenchmarkDedupWindow(b *testing.B) {
	beside(b, time.Second, func(c contestant) func(int) { return c.claimAndSettle }, 10_000)
}

// BenchmarkClaim claims 100 of a thousand that wait and of a million, in turns; what is claimed is made up for.
func BenchmarkClaim(b *testing.B) {
	sizes := []int{1_000, 1_000_000}
	var queues []*sqlite.Queue
	for _, size := range sizes {
		q := benchmarkQueue(b, newBench(b).path, "jobs", 0)
		for n := 0; n < size; n += 10 * batchSize {
			var many []ergon.Transaction
			for at := n; at < n+10*batchSize; at += batchSize {
				many = append(many, batchOf(at)...)
			}
			dispatch(b, q, many...)
		}
		queues = append(queues, q)
	}
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for i, q := range queues {
			began := time.Now()
			batch := fetch(b, q, batchSize)
			took[i] += time.Since(began)
			ack(b, q, batch...)
			dispatch(b, q, batchOf(sizes[i]+n)...)
		}
		n += batchSize
	}
	b.ReportMetric(0, "ns/op")
	for i, size := range sizes {
		b.ReportMetric(float64(took[i].Microseconds()*batchSize)/float64(n), fmt.Sprintf("µs-of-%d", size))
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
}

// BenchmarkSingles dispatches one by one, from one caller and from many at once, who share commits.
func BenchmarkSingles(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			q := benchmarkQueue(b, newBench(b).path, "jobs", 0)
			b.SetParallelism(callers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := q.DispatchTransactions(background, []ergon.Transaction{ergon.NewTransaction("", payload)}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}

// BenchmarkThroughOneFile enqueues, claims and settles 100 at a time, with ids that are remembered for a second. Give it
// -benchtime 100000x to see that neither the file nor a claim grows over ten million.
func BenchmarkThroughOneFile(b *testing.B) {
	q := benchmarkQueue(b, newBench(b).path, "jobs", time.Second)
	var claims []time.Duration
	n := 0
	for b.Loop() {
		dispatch(b, q, batchOf(n*batchSize)...)
		began := time.Now()
		batch := fetch(b, q, batchSize)
		claims = append(claims, time.Since(began))
		ack(b, q, batch...)
		n++
	}
	tenth := max(n/10, 1)
	first, last := sum(claims[:tenth]), sum(claims[n-tenth:])
	b.ReportMetric(float64(n*batchSize)/b.Elapsed().Seconds(), "tx/s")
	b.ReportMetric(float64(sqlite.Pages(q))*4096/1e6, "MB")
	b.ReportMetric(last.Seconds()/first.Seconds(), "last/first-claims")
}

func sum(all []time.Duration) (total time.Duration) {
	for _, d := range all {
		total += d
	}
	return total
}
