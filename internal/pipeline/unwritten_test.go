package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// refusingStore keeps dead letters, but for some ids it fails the whole batch that they come in, as a store does whose insert
// of many rows is one statement.
type refusingStore struct {
	with error

	mu   sync.Mutex
	ids  []string
	kept []string
}

// accept ends its refusals.
func (s *refusingStore) accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = nil
}

func (s *refusingStore) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range batch {
		if slices.Contains(s.ids, tx.ID()) {
			return s.with
		}
	}
	for _, tx := range batch {
		s.kept = append(s.kept, tx.ID())
	}
	return nil
}

// [S2] Whatever a store says about a letter that it refuses, and however many of a batch it refuses: the neighbours' letters are
// written, each once, and only the transactions of the refused ones stay with their source.
func TestRefusedLettersTakeNoNeighboursAlong(t *testing.T) {
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprintf("%02d", i))
	}
	for name, with := range map[string]error{
		"for good": ergon.Permanent(errors.New("too big")), "without a word": errors.New("bad row"),
		"by a rule": ergon.Business(errors.New("no such tenant")),
	} {
		for _, refuses := range [][]string{{"00"}, {"17"}, {"39"}, {"03", "04", "31"}} {
			t.Run(fmt.Sprint(name, refuses), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(refusing(nil), ids...)
					r.Policy.Loop.Mode = policy.ModeBatch
					r.Policy.Loop.Batch.Size = len(ids)
					store := &refusingStore{ids: refuses, with: with}
					r.withDeadLetters(store)
					began := time.Now()
					r.runLeaving(t, "")
					want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(refuses, id) })
					slices.Sort(store.kept)
					if diff := cmp.Diff(want, store.kept); diff != "" {
						t.Errorf("letters that are kept (-want +got):\n%s", diff)
					}
					got := r.consumer.Snapshot()
					if got.Outcomes[pipeline.DeadLettered] != int64(len(want)) || got.Unwritten != int64(len(refuses)) {
						t.Errorf("got %v and %d unwritten, want %d and %d", got.Outcomes, got.Unwritten, len(want), len(refuses))
					}
					if n, _ := r.Queue.CountTransactions(t.Context()); int(n) != len(refuses) {
						t.Errorf("the source holds %d, want %d", n, len(refuses))
					}
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("the loop took %s, and waited for what would come back for ever", took)
					}
				})
			})
		}
	}
}

// [S2] A refused letter's transaction comes back after 5 s, 10 s, and so on up to 10 min, and is named until its letter is written.
func TestRefusedLetterComesBackAfterAGrowingDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(refusing(nil), "a")
		r.spyOnSettlements(j)
		r.Policy.Loop.Streaming = true
		store := &refusingStore{ids: []string{"a"}, with: ergon.Permanent(errors.New("too big"))}
		r.withDeadLetters(store)
		r.start(t.Context(), t)
		time.Sleep(5*time.Second + 10*time.Second + 20*time.Second + time.Minute)
		synctest.Wait()
		if got := r.consumer.Snapshot(); got.Unwritten != 1 || got.UnwrittenID != "a" {
			t.Errorf("got %d unwritten, %q, want 1, a", got.Unwritten, got.UnwrittenID)
		}
		var delays []time.Duration
		for _, s := range r.Queue.Settlements() {
			delays = append(delays, s.Delay)
		}
		want := []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second}
		if diff := cmp.Diff(want, delays); diff != "" {
			t.Errorf("delays (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		settlements := r.Queue.Settlements()
		if last := settlements[len(settlements)-1]; last.Delay != 10*time.Minute {
			t.Errorf("got a delay of %s after many, want 10m", last.Delay)
		}
		store.accept()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if got := r.consumer.Snapshot(); got.Unwritten != 0 || got.UnwrittenID != "" || len(store.kept) != 1 {
			t.Errorf("got %d unwritten, %q and letters %v once the store takes it", got.Unwritten, got.UnwrittenID, store.kept)
		}
		r.stop()
		if err := r.wait(); errors.Is(err, pipeline.ErrUnwritten) {
			t.Errorf("the loop ended with %v, although every letter is written", err)
		}
	})
}

// [S2] A store that takes nothing is no fault of any letter: all stay with their source with the policy's delay, and the loop ends.
func TestStoreThatIsDownEndsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(refusing(nil), "a", "b", "c", "d")
		r.Policy.Loop.Mode = policy.ModeBatch
		broken := errors.New("disk full")
		r.withDeadLetters(dispatchFunc(func(context.Context, []ergon.Transaction) error { return broken }))
		r.start(t.Context(), t)
		err := r.wait()
		if !errors.Is(err, pipeline.ErrUnsettled) || !errors.Is(err, pipeline.ErrUnwritten) || !errors.Is(err, broken) {
			t.Errorf("got error %v, want ErrUnsettled, ErrUnwritten and why", err)
		}
		for _, s := range r.Queue.Settlements() {
			if s.Action != policy.SettleRequeue || s.Delay != r.Policy.Settle.RequeueDelay {
				t.Errorf("%s was settled by %s with delay %s", s.Transaction.ID(), s.Action, s.Delay)
			}
		}
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 4 {
			t.Errorf("the source holds %d, want all 4", n)
		}
	})
}

// floored is a source with a checkpoint.
type floored struct{ *memory.Queue }

func (floored) Declare() capability.Declaration { return capability.Declaration{Floor: true} }

// [S2] A source that remembers only up to where everything is settled is not read on beyond what would hold it up.
func TestLoopStopsWhereARefusedLetterHoldsUpAFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 5000 // more than may be fetched behind what is not settled
		var ids []string
		for i := range many {
			ids = append(ids, fmt.Sprint(i))
		}
		r := newRig(refusing(nil), ids...)
		r.Source = floored{r.Queue}
		r.Policy.Loop.Concurrency.Value = 1
		tooBig := errors.New("too big")
		store := &refusingStore{ids: []string{"2"}, with: ergon.Permanent(tooBig)}
		r.withDeadLetters(store)
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrUnwritten) || !errors.Is(err, tooBig) {
			t.Errorf("got error %v, want ErrUnwritten and why", err)
		}
		if got := r.consumer.Snapshot(); got.Fetched == int64(len(ids)) || got.Outcomes[pipeline.Requeued] != 1 {
			t.Errorf("%d were fetched, outcomes %v; want it to stop", got.Fetched, got.Outcomes)
		}
	})
}
