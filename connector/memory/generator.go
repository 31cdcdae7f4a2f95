package memory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

var (
	_ ergon.Fetcher      = (*Generator)(nil)
	_ capability.Settler = (*Generator)(nil)
	_ capability.Counter = (*Generator)(nil)

	_ capability.Declarer    = (*Generator)(nil)
	_ capability.WorkerBound = (*Generator)(nil)
)

// Generator is a finite source for benchmarks. It makes its transactions when they are fetched, so memory does not grow with
// their number. It does not track deliveries: it accepts every settlement, does not detect stale ones, and ignores the delay of
// requeued transactions, which the next fetch delivers. It is safe for concurrent use.
type Generator struct {
	size    int64
	step    int64 // how many workers divide it
	payload func(i int64) any
	name    string // "": that of where it belongs
	seed    uint64
	prefix  string // of each id

	mu       sync.Mutex
	next     int64
	requeued []int64
	numbers  []int64 // those of one fetch; kept to be used again
	ids      []byte  // likewise
	ends     []int   // likewise: where each id ends

	inFlight, acked, rejected atomic.Int64
}

// NewGenerator returns a source of n transactions. In a worker their ids are "task/connector@0:number", so different tasks get
// different ids; without a worker they are the numbers 0 to n-1. See also [Generator.Named]. payload returns the payload of
// number i. It is called once for each delivery, by one goroutine at a time, and must not use the generator. If it is nil, all
// payloads are nil.
func NewGenerator(n int64, payload func(i int64) any) *Generator {
	if payload == nil {
		payload = func(int64) any { return nil }
	}
	return &Generator{size: n, step: 1, payload: payload}
}

// Named changes the ids to "name@seed:number". Generators with different names or seeds never make the same id; with the same
// name and seed they make the same ids, in every run and in each worker. If name is "", the name of the task and the connector is
// used. Call it before the first fetch. It returns g.
func (g *Generator) Named(name string, seed uint64) *Generator {
	g.name, g.seed = name, seed
	g.prefix = prefixOf(name, seed)
	return g
}

func prefixOf(name string, seed uint64) string {
	return name + "@" + strconv.FormatUint(seed, 10) + ":"
}

// Declare says that each worker has its own part of the transactions, and that no settlement outlives the process.
func (*Generator) Declare() capability.Declaration {
	return capability.Declaration{
		Sharing: capability.SharingDivided, Settles: capability.SettlesSent, Notes: []string{"each run starts at the first transaction"},
	}
}

// BindWorker divides the transactions among the n workers of the task: each generates every n-th. A generator without a name
// gets the name of its task and connector.
func (g *Generator) BindWorker(w capability.Worker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next, g.step = int64(w.Index), int64(max(w.Count, 1))
	if g.name == "" && w.Task != "" {
		g.prefix = prefixOf(w.Task+"/"+w.Component, g.seed)
	}
}

// FetchTransactions makes up to limit transactions and never waits. It costs two allocations for each call, in addition to those
// of payload. It returns ergon.ErrExhausted once all transactions are acknowledged or rejected.
func (g *Generator) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if err := checkFetch(ctx, limit); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.choose(limit)
	if len(g.numbers) == 0 {
		if g.inFlight.Load() <= 0 && len(g.requeued) == 0 {
			return nil, ergon.ErrExhausted
		}
		return nil, nil
	}
	g.inFlight.Add(int64(len(g.numbers)))
	return g.make(), nil
}

// choose puts the next numbers into g.numbers: what was requeued comes first, by itself.
func (g *Generator) choose(limit int) {
	if n := min(limit, len(g.requeued)); n > 0 {
		g.numbers = append(g.numbers[:0], g.requeued[:n]...)
		g.requeued = append(g.requeued[:0], g.requeued[n:]...)
		return
	}
	g.numbers = g.numbers[:0]
	for ; len(g.numbers) < limit && g.next < g.size; g.next += g.step {
		g.numbers = append(g.numbers, g.next)
	}
}

// make makes the transactions of g.numbers. Their ids are parts of one string.
func (g *Generator) make() []ergon.Transaction {
	batch := make([]ergon.Transaction, len(g.numbers))
	g.ids, g.ends = g.ids[:0], g.ends[:0]
	for _, n := range g.numbers {
		g.ids = append(g.ids, g.prefix...)
		g.ids = strconv.AppendInt(g.ids, n, 10)
		g.ends = append(g.ends, len(g.ids))
	}
	ids, begin := string(g.ids), 0
	for i, n := range g.numbers {
		batch[i] = ergon.NewTransaction(ids[begin:g.ends[i]], g.payload(n))
		begin = g.ends[i]
	}
	return batch
}

// SettleTransactions counts acknowledged and rejected transactions and keeps requeued ones. A *BatchError names requeued
// transactions that this generator did not make.
func (g *Generator) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	var acked, rejected, requeued int64
	var failures failures
	for i := range batch {
		switch batch[i].Action {
		case policy.SettleAck:
			acked++
		case policy.SettleReject:
			rejected++
		default:
			if err := g.requeue(batch[i].Transaction.ID()); err != nil {
				failures.add(i, err)
				continue
			}
			requeued++
		}
	}
	g.acked.Add(acked)
	g.rejected.Add(rejected)
	g.inFlight.Add(-acked - rejected - requeued)
	return failures.err()
}

func (g *Generator) requeue(id string) error {
	number, ours := strings.CutPrefix(id, g.prefix)
	n, err := strconv.ParseInt(number, 10, 64)
	if !ours || err != nil || n < 0 || n >= g.size {
		return fmt.Errorf("memory: transaction %q: %w", id, errForeign)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requeued = append(g.requeued, n)
	return nil
}

// CountTransactions returns the number of transactions that its worker still has to fetch. Later requeues increase it.
func (g *Generator) CountTransactions(context.Context) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.size-g.next+g.step-1, 0)/g.step + int64(len(g.requeued)), nil
}

// Acked returns the number of acknowledgements.
func (g *Generator) Acked() int64 { return g.acked.Load() }

// Rejected returns the number of rejected transactions.
func (g *Generator) Rejected() int64 { return g.rejected.Load() }
