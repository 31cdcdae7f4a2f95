package sqlite_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/policy"
)

// Statements change ten items at once. Batches of these sizes end before, at and behind one, and those below have one stale
// delivery at each place.
var sizes = []int{9, 10, 11, 25}

// kept are the ways in which an acknowledgement leaves an item behind.
var kept = map[string]func(*sqlite.QueueSettings){
	"nothing": func(s *sqlite.QueueSettings) { s.DedupWindow, s.RetainSettled = 0, 0 },
	"the id":  func(s *sqlite.QueueSettings) { s.DedupWindow, s.RetainSettled = time.Hour, 0 },
	"all":     func(s *sqlite.QueueSettings) { s.DedupWindow, s.RetainSettled = time.Hour, time.Hour },
}

// wantRefused wants exactly the deliveries at these places to be refused as stale.
func wantRefused(tb testing.TB, err error, at ...int) {
	tb.Helper()
	if len(at) == 0 {
		if err != nil {
			tb.Fatalf("got %v, want no error", err)
		}
		return
	}
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok {
		tb.Fatalf("got %v, want a BatchError for %d", err, at)
	}
	if got := slices.Sorted(maps.Keys(failed.Failures)); !slices.Equal(got, at) {
		tb.Fatalf("refused are %d, want %d", got, at)
	}
	for i, failure := range failed.Failures {
		if !errors.Is(failure, capability.ErrStaleDelivery) {
			tb.Errorf("%d: got %v, want ErrStaleDelivery", i, failure)
		}
	}
}

// [S3] One stale delivery among others that one statement settles is refused, and it alone.
func TestOneStaleDeliveryAmongManyIsRefusedAlone(t *testing.T) {
	for name, keep := range kept {
		for _, size := range sizes {
			t.Run(name+"/"+strconv.Itoa(size), func(t *testing.T) {
				b := newBench(t)
				queue := b.queue(t, keep)
				for stale := range size {
					dispatch(t, queue, fresh(stale, size)...)
					batch := fetch(t, queue, size)
					ack(t, queue, batch[stale])
					wantRefused(t, queue.SettleTransactions(t.Context(), settlements(capability.Settlement{}, batch...)), stale)
					wantStale(t, queue, batch...)
				}
				b.advance(lease)
				wantFetched(t, queue)
			})
		}
	}
}

// [S4] The second settlement of one delivery in a batch is refused.
func TestDeliverySettledTwiceInOneBatch(t *testing.T) {
	for name, keep := range kept {
		t.Run(name, func(t *testing.T) {
			queue := newBench(t).queue(t, keep)
			dispatch(t, queue, numbered(9)...)
			batch := fetch(t, queue, 9)
			twice := settlements(capability.Settlement{}, append(batch, batch[3])...)
			wantRefused(t, queue.SettleTransactions(t.Context(), twice), 9)
			wantStale(t, queue, batch...)
		})
	}
}

// [S4] What is settled otherwise in between is not acknowledged with its neighbours.
func TestRequeueAmongManyAcknowledgements(t *testing.T) {
	for at := range 12 {
		queue := newBench(t).queue(t)
		dispatch(t, queue, numbered(12)...)
		all := settlements(capability.Settlement{}, fetch(t, queue, 12)...)
		all[at].Action = policy.SettleRequeue
		if err := queue.SettleTransactions(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		wantFetched(t, queue, "t"+strconv.Itoa(at))
	}
}

// [B3, S3] Of many hops in one batch the stale one writes nothing, and the others all.
func TestOneStaleHopAmongManyWritesNothing(t *testing.T) {
	for _, size := range sizes {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			b := newBench(t)
			in, out := b.queue(t), b.queue(t, named("out"))
			for stale := range size {
				dispatch(t, in, fresh(stale, size)...)
				batch := fetch(t, in, size)
				ack(t, in, batch[stale])
				var hops []capability.Hop
				var want []string
				for i, tx := range batch {
					hops = append(hops, hop(tx, output(out, tx.ID()+":0", tx.ID()+":1")))
					if i != stale {
						want = append(want, tx.ID()+":0", tx.ID()+":1")
					}
				}
				wantRefused(t, in.HopTransactions(t.Context(), hops), stale)
				wantStale(t, in, batch...)
				ack(t, out, wantFetched(t, out, want...)...)
			}
		})
	}
}

// [S5] Each of many that are claimed at once is counted and leased.
func TestManyClaimedAtOnceAreEachCountedAndLeased(t *testing.T) {
	for _, size := range sizes {
		b := newBench(t)
		queue := b.queue(t)
		dispatch(t, queue, numbered(size)...)
		for delivery := 1; delivery <= 2; delivery++ {
			batch := wantFetched(t, queue, idsOf(numbered(size))...)
			for _, tx := range batch {
				if got := tx.Delivery().Count; got != delivery {
					t.Errorf("size %d: %s has delivery count %d, want %d", size, tx.ID(), got, delivery)
				}
			}
			b.advance(lease - time.Microsecond)
			wantFetched(t, queue)
			b.advance(time.Microsecond)
		}
	}
}

// fresh makes n transactions whose ids no other round has.
func fresh(round, n int) []ergon.Transaction {
	all := make([]ergon.Transaction, n)
	for i := range all {
		all[i] = transaction(strconv.Itoa(round) + "-" + strconv.Itoa(i))
	}
	return all
}
