package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// newOrderedRig makes a loop that keeps the order of keys, because its source does not; the key of an id is its first letter, and
// "-" is none.
func newOrderedRig(task ergon.Task, ids ...string) *rig {
	r := newRig(task)
	txs := transactionsOf(ids...)
	for i, id := range ids {
		if id[0] != '-' {
			txs[i] = txs[i].WithOrderingKey(id[:1])
		}
	}
	r.Queue = memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true, Order: capability.OrderNone})
	r.Source = r.Queue
	r.Policy.Loop.Ordering = policy.OrderingKey
	r.Policy.Loop.Concurrency.Value = 4
	return r
}

// [L8] One key after the other, keys side by side, and what has no key waits for nobody.
func TestTransactionsOfOneKeyRunOneAtATimeAndInOrder(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		starts := map[string]*journal{}
		for _, key := range []string{"a", "b", "-"} {
			starts[key] = newJournal()
		}
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			starts[tx.ID()[:1]].note(tx.ID())
			time.Sleep(time.Second)
			return nil, nil
		}}, "a1", "a2", "b1", "-1", "a3", "-2", "b2")
		shape(r)
		r.run(t)
		starts["a"].want(t, "0s a1", "1s a2", "2s a3")
		starts["b"].want(t, "0s b1", "1s b2")
		unordered := slices.Sorted(slices.Values(starts["-"].entries))
		if len(unordered) != 2 || unordered[0] != "0s -1" || (unordered[1] != "0s -2" && unordered[1] != "1s -2") {
			t.Errorf("got %q without a key, want them to wait for a slot only", unordered)
		}
	})
}

// [L8] A failed attempt keeps its turn: what comes after it waits for its retries, and for its exception handler.
func TestRetriesKeepTheOrderOfTheirKey(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note("process " + tx.ID())
				if tx.ID() == "a1" {
					return nil, errDown
				}
				return nil, nil
			},
			Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				j.note("exception " + tx.ID())
				time.Sleep(time.Second)
				return ergon.Disposition{}, nil
			},
		}, "a1", "a2")
		shape(r)
		r.Policy.Process = retrying(3, time.Second, 10*time.Second)
		r.run(t)
		j.want(t, "0s process a1", "10s process a1", "20s process a1", "20s exception a1", "21s process a2")
	})
}

// [L8, T1] An attempt that was given up, and whose lifecycle went on elsewhere, keeps its turn too.
func TestTimeoutsKeepTheOrderOfTheirKey(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note(tx.ID())
			if tx.ID() == "a1" {
				time.Sleep(time.Minute) // whatever becomes of the context
			}
			return nil, nil
		}}, "a1", "a2", "a3")
		shape(r)
		r.Policy.Process = retrying(2, time.Second, time.Second)
		r.run(t)
		j.want(t, "0s a1", "2s a1", "3s a2", "3s a3")
		time.Sleep(time.Hour)
	})
}

// [L8, R2] So does one whose handler ended its goroutine.
func TestCrashesKeepTheOrderOfTheirKey(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note(tx.ID())
			if tx.ID() == "a1" {
				panic("broken")
			}
			return nil, nil
		}}, "a1", "a2")
		shape(r)
		r.Policy.Process = retrying(2, time.Second, time.Second)
		r.run(t)
		j.want(t, "0s a1", "1s a1", "1s a2")
	})
}

// [L8] A busy key does not keep the others from free slots, although many of its transactions stand before theirs.
func TestBusyKeyLeavesSlotsToTheOthers(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID()[0] != 'a' {
				j.note(tx.ID())
			}
			time.Sleep(time.Second)
			return nil, nil
		}}, "a1", "a2", "a3", "a4", "b1", "c1")
		r.Policy.Loop.Execution = execution
		r.run(t)
		if got := len(j.entries); got != 2 || j.entries[0][:2] != "0s" || j.entries[1][:2] != "0s" {
			t.Errorf("got %q, want b1 and c1 at once", j.entries)
		}
	})
}

// [L8] For random keys and handlers: no two of a key at once, each key in the order of the source, nothing left behind.
func TestOrderHoldsForAnyKeys(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		for seed := range uint64(10) {
			random := rand.New(rand.NewPCG(seed, 0))
			var ids []string
			for i := range 300 {
				ids = append(ids, fmt.Sprintf("%c%d", 'a'+rune(random.IntN(1+random.IntN(26))), i))
			}
			o := &orderly{random: random, running: map[byte]bool{}, ended: map[byte][]string{}}
			r := newOrderedRig(ergon.Task{Process: o.process}, ids...)
			shape(r)
			r.OnEnd = o.end
			loop := &r.Policy.Loop
			loop.Concurrency.Value, loop.Batch.Size, loop.Batch.Prefetch = 1+random.IntN(8), 1+random.IntN(50), random.IntN(20)
			loop.Concurrency.Headroom = 1000
			r.Policy.Process = retrying(2, time.Second, 100*time.Millisecond)
			r.run(t)
			want := map[byte][]string{}
			for _, id := range ids {
				want[id[0]] = append(want[id[0]], id)
			}
			for key := range want {
				if !slices.Equal(o.ended[key], want[key]) {
					t.Errorf("seed %d: key %c ended in the order %q, want %q", seed, key, o.ended[key], want[key])
				}
			}
			if len(o.overlaps) > 0 {
				t.Errorf("seed %d: ran beside another one of their key: %q", seed, o.overlaps)
			}
			if got := o.most.Load(); got < 2 && loop.Concurrency.Value > 1 {
				t.Errorf("seed %d: %d ran at once, want keys side by side", seed, got)
			}
			time.Sleep(time.Hour) // for those that ignored their timeouts
		}
	})
}

// orderly is a task that misbehaves at random and watches the order of its transactions.
type orderly struct {
	mu       sync.Mutex
	random   *rand.Rand
	running  map[byte]bool // between the first attempt and the end
	current  map[byte]string
	ended    map[byte][]string
	overlaps []string
	now      atomic.Int64
	most     atomic.Int64
}

func (o *orderly) process(ctx context.Context, tx ergon.Transaction) (any, error) {
	raise(&o.most, o.now.Add(1))
	defer o.now.Add(-1)
	wait, behaviour := o.enter(tx.ID())
	time.Sleep(wait)
	switch behaviour {
	case 0:
		return nil, errDown
	case 1:
		panic("broken")
	case 2:
		<-ctx.Done()
		return nil, ctx.Err()
	case 3:
		time.Sleep(10 * time.Minute) // whatever becomes of the context
	}
	return nil, nil
}

func (o *orderly) enter(id string) (time.Duration, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := id[0]
	if o.current == nil {
		o.current = map[byte]string{}
	}
	if o.running[key] && o.current[key] != id {
		o.overlaps = append(o.overlaps, id)
	}
	o.running[key], o.current[key] = true, id
	return time.Duration(o.random.Int64N(int64(time.Second / 2))), o.random.IntN(20)
}

func (o *orderly) end(result pipeline.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := result.Transaction.ID()[0]
	o.running[key] = false
	o.ended[key] = append(o.ended[key], result.Transaction.ID())
}

// [L8, E3] At shutdown what waits for its turn goes back at once, while what runs drains; nothing loses its place.
func TestWhatIsHeldBackIsReleasedAtShutdown(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note("process " + tx.ID())
			time.Sleep(10 * time.Second)
			return nil, nil
		}}, "a1", "a2", "a3")
		shape(r)
		r.spyOnSettlements(j)
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		synctest.Wait()
		time.Sleep(time.Second)
		cancel()
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		j.want(t, "0s process a1", "1s settle a2 requeue interrupted, a3 requeue interrupted", "10s settle a1 ack")
		again, _ := r.Queue.FetchTransactions(t.Context(), 9)
		if got := idsOf(again); got != "a2 a3" {
			t.Errorf("the source holds %q, want a2 and a3 in their order", got)
		}
	})
}

// [L8, S5] A delivery that is the source's again leaves its turn to the next, where it is the loop that keeps the order: it does not
// know when that one comes again. A source that keeps it does.
func TestLostLeaseLeavesTheTurnToTheNext(t *testing.T) {
	for order, want := range map[capability.Order][]string{
		capability.OrderNone: {"0s a1, delivery 1", "10s a2, delivery 1", "10s a1, delivery 2"},
		capability.OrderKey:  {"0s a1, delivery 1", "10s a1, delivery 2", "10s a2, delivery 1"},
	} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newOrderedRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
				j.note(fmt.Sprintf("%s, delivery %d", tx.ID(), tx.Delivery().Count))
				if tx.ID() == "a1" && tx.Delivery().Count == 1 {
					<-ctx.Done()
				}
				return nil, nil
			}})
			txs := []ergon.Transaction{
				ergon.NewTransaction("a1", nil).WithOrderingKey("a"), ergon.NewTransaction("a2", nil).WithOrderingKey("a"),
			}
			q := memory.NewLeased(memory.Settings{Transactions: txs, Finite: true, Record: true, Order: order}, lease)
			r.Queue, r.Source = q.Queue, memory.WithLeaseFaults(q, memory.DropDelivery(memory.OnExtend).For("a1"))
			r.Policy.Loop.Execution = execution
			r.run(t)
			j.want(t, want...)
		})
	}
}

// orderlyRequeues is a task that fails the first deliveries of some transactions, and notes the others.
func orderlyRequeues(j *journal, failing map[string]int) ergon.Task {
	seen := newTally()
	return ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		if seen.add(tx.ID()) <= failing[tx.ID()] {
			j.note(tx.ID() + " fails")
			return nil, errDown
		}
		j.note(tx.ID())
		sleep(time.Second)
		return nil, nil
	}}
}

// [L8] A requeue keeps the order where the loop keeps it: the transaction is kept for its delay, its lane stays closed, and others
// run meanwhile. Its source is told once, when it has come to its end.
func TestRequeueKeepsTheOrderOfItsKey(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(orderlyRequeues(j, map[string]int{"a2": 2}), "a1", "a2", "a3", "a4", "b1")
		shape(r)
		r.Policy.Process = once(10 * time.Second)
		r.Policy.Loop.OnException, r.Policy.Settle.RequeueDelay = policy.OnExceptionRequeue, 30*time.Second
		r.run(t)
		var a []string
		for _, entry := range j.all() {
			if !strings.HasSuffix(entry, " b1") {
				a = append(a, entry)
			}
		}
		want := []string{"0s a1", "1s a2 fails", "31s a2 fails", "1m1s a2", "1m2s a3", "1m3s a4"}
		if !slices.Equal(a, want) {
			t.Errorf("got %q, want %q", a, want)
		}
		if got := r.settlementsOf("a2"); len(got) != 1 || got[0].Action != policy.SettleAck {
			t.Errorf("got settlements %v of a2, want one", got)
		}
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 5, pipeline.Requeued: 2})
	})
}

// [L8] So it does where the source keeps it, for all workers that share that: here for two.
func TestSourceKeepsTheOrderOfAKeyBetweenTwoWorkers(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		task := orderlyRequeues(j, map[string]int{"a2": 2, "a4": 1})
		var ids []string
		for i := range 6 {
			ids = append(ids, fmt.Sprintf("a%d", i+1))
		}
		one, two := newOrderedRig(task, ids...), newOrderedRig(task)
		txs := transactionsOf(ids...)
		for i := range txs {
			txs[i] = txs[i].WithOrderingKey("a")
		}
		queue := memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true})
		for _, r := range []*rig{one, two} {
			shape(r)
			r.Queue, r.Source = queue, queue
			r.Policy.Process = once(10 * time.Second)
			r.Policy.Loop.OnException, r.Policy.Settle.RequeueDelay = policy.OnExceptionRequeue, 30*time.Second
			r.start(t.Context(), t)
		}
		for _, r := range []*rig{one, two} {
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
		}
		var order []string
		for _, entry := range j.all() {
			order = append(order, entry[strings.Index(entry, " ")+1:])
		}
		want := []string{"a1", "a2 fails", "a2 fails", "a2", "a3", "a4 fails", "a4", "a5", "a6"}
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

// [L8, R5] What the loop keeps over requeues for longer than the policy allows fails, and says why; its key continues.
func TestWhatIsKeptTooLongFails(t *testing.T) {
	for most, want := range map[time.Duration][]string{
		60 * time.Second:   {"0s a1 fails", "30s a1 fails", "1m0s a1 fails", "1m0s a2"},
		60*time.Second - 1: {"0s a1 fails", "30s a1 fails", "30s a2"},
	} {
		inBothModes(t, func(t *testing.T, shape func(*rig)) {
			j := newJournal()
			r := newOrderedRig(orderlyRequeues(j, map[string]int{"a1": 99}), "a1", "a2")
			shape(r)
			r.Policy.Process = once(10 * time.Second)
			r.Policy.Loop.OnException, r.Policy.Settle.RequeueDelay = policy.OnExceptionRequeue, 30*time.Second
			r.Policy.Loop.HoldAtMost = most
			r.run(t)
			j.want(t, want...)
			results := r.all()
			var last pipeline.Result
			for _, result := range results {
				if result.Transaction.ID() == "a1" {
					last = result
				}
			}
			if last.Outcome != pipeline.DeadLettered || !errors.Is(last.Err, pipeline.ErrHeldTooLong) || !errors.Is(last.Err, errDown) {
				t.Errorf("a1 %s with %v, want dead_lettered as held too long, with its cause", last.Outcome, last.Err)
			}
		})
	}
}

// [L8, E3] At shutdown what is kept goes back uncounted, before what its key held back, so that nothing loses its place.
func TestWhatIsKeptGoesBackAtShutdown(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOrderedRig(orderlyRequeues(newJournal(), map[string]int{"a1": 99}), "a1", "a2", "a3")
		shape(r)
		r.spyOnSettlements(j)
		r.Policy.Settle.Size = 1 // in which batches they are told is not what this is about
		r.Policy.Process = once(10 * time.Second)
		r.Policy.Loop.OnException, r.Policy.Settle.RequeueDelay = policy.OnExceptionRequeue, 30*time.Second
		_ = r.runFor(t, 40*time.Second)
		j.want(t, "40s settle a1 requeue interrupted", "40s settle a2 requeue interrupted", "40s settle a3 requeue interrupted")
		again, _ := r.Queue.FetchTransactions(t.Context(), 9)
		if got := idsOf(again); got != "a1 a2 a3" {
			t.Errorf("the source holds %q, want all in their order", got)
		}
	})
}

// [L8] The backlog of one key may fill the bound ahead before it keeps others waiting.
func TestBacklogOfAKeyKeepsOthersWaitingOnlyBeyondTheBound(t *testing.T) {
	for most, want := range map[int]string{8: "0s b1", 7: "1s b1"} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				if tx.ID()[0] == 'b' {
					j.note(tx.ID())
				}
				sleep(time.Second)
				return nil, nil
			}}, "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "b1")
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Size = 2, 1
			r.Policy.Loop.Order.Held = most
			r.run(t)
			j.want(t, want)
		})
	}
}

// [L8, L7] What goes back in an outage takes along what its key held back, and both come again in their order.
func TestOutageKeepsTheOrderOfKeys(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		began := time.Now()
		r := newOrderedRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if time.Since(began) < 35*time.Second {
				return nil, ergon.RetryAfter(errDown, 2*time.Second)
			}
			j.note(tx.ID())
			return nil, nil
		}}, "a1", "a2", "a3", "b1", "b2", "c1", "c2", "d1", "d2")
		shape(r)
		r.Policy.Process = retrying(2, time.Second, 0)
		r.Policy.Loop.OnException = policy.OnExceptionRequeue
		r.Policy.Loop.Outage = policy.Outage{After: 2, ProbeInterval: probeEvery}
		r.run(t)
		seen := map[byte][]string{}
		for _, entry := range j.all() {
			id := entry[strings.Index(entry, " ")+1:]
			seen[id[0]] = append(seen[id[0]], id)
		}
		for key, want := range map[byte]string{'a': "a1 a2 a3", 'b': "b1 b2", 'c': "c1 c2", 'd': "d1 d2"} {
			if got := strings.Join(seen[key], " "); got != want {
				t.Errorf("key %c came in the order %q, want %q", key, got, want)
			}
		}
	})
}
