package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// sink is a queue of another store than the source's. What it refuses fails alone, and the rest of its batch is stored.
type sink struct {
	*memory.Queue

	mu     sync.Mutex
	refuse func(tx ergon.Transaction) error // nil: nothing
}

func newSink() *sink { return &sink{Queue: memory.New(memory.Settings{Dedup: true, Finite: true})} }

func (s *sink) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failures := map[int]error{}
	for i, tx := range batch {
		var err error
		if s.refuse != nil {
			err = s.refuse(tx)
		}
		if err == nil {
			err = s.Queue.DispatchTransactions(ctx, batch[i:i+1])
		}
		if err != nil {
			failures[i] = err
		}
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

// contents are what it holds, sorted.
func (s *sink) contents(t testing.TB) []string {
	t.Helper()
	got, err := s.FetchTransactions(t.Context(), 10_000)
	if err != nil && !errors.Is(err, ergon.ErrExhausted) {
		t.Fatal(err)
	}
	var all []string
	for _, tx := range got {
		all = append(all, fmt.Sprint(tx.Payload()))
	}
	slices.Sort(all)
	return all
}

// into makes a loop of a hybrid task that sends to a sink what returns of an inbound transaction. What fails is requeued.
func into(s *sink, what func(tx ergon.Transaction) []string, ids ...string) *rig {
	o := coalesce.New(s, policy.DefaultProducer().Loop.Batch)
	r := newHybridRig(0, func(ctx context.Context, tx ergon.Transaction) error {
		return o.DispatchTransactions(ctx, []ergon.Transaction{tx})
	}, ids...)
	r.Handlers.Process = func(_ context.Context, tx ergon.Transaction) (any, error) {
		var outbound []ergon.Transaction
		for _, content := range what(tx) {
			outbound = append(outbound, ergon.NewTransaction("", content))
		}
		return outbound, nil
	}
	r.Producer.Prepare = once(time.Minute)
	r.Policy.Loop.OnException = policy.OnExceptionRequeue
	return r
}

// [I2] [B3] Two stores: A is stored and B fails; delivered again, the task makes B and A. None is lost; A may come twice.
func TestOutputsThatComeOutInAnotherOrderAreNotLost(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		s, deliveries := newSink(), 0
		r := into(s, func(ergon.Transaction) []string {
			deliveries++
			if deliveries == 1 {
				return []string{"A", "B"}
			}
			return []string{"B", "A"}
		}, "in")
		s.refuse = func(tx ergon.Transaction) error {
			if deliveries == 1 && tx.Payload() == "B" {
				return errScripted
			}
			return nil
		}
		r.Policy.Loop.Execution = execution
		r.Producer.Loop.Concurrency.Value = 1
		r.run(t)
		if diff := cmp.Diff([]string{"A", "A", "B"}, s.contents(t)); diff != "" {
			t.Errorf("the sink (-want +got):\n%s", diff)
		}
		if got := r.consumer.Snapshot(); got.Diverged != 1 || got.Duplicates != 0 || got.Conflicts != 0 ||
			got.Outcomes[pipeline.Succeeded] != 1 {
			t.Errorf("got %+v, want one diverged and the success", got)
		}
	})
}

// [I2] [B3] Whatever comes out of each delivery, and whatever of it fails: what came out of the last one is there.
func TestOutputsOfTheDeliveryThatSucceededAreThere(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 1))
			n := func(most int) int {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(most)
			}
			s := newSink()
			last, attempts := map[string][]string{}, map[string]int{}
			s.refuse = func(ergon.Transaction) error {
				if n(4) == 0 {
					return errScripted
				}
				return nil
			}
			r := into(s, func(tx ergon.Transaction) []string {
				mu.Lock()
				defer mu.Unlock()
				made := make([]string, random.IntN(4))
				for i := range made {
					made[i] = fmt.Sprint(tx.ID(), "-", random.IntN(5))
				}
				last[tx.ID()], attempts[tx.ID()] = made, attempts[tx.ID()]+1
				return made
			}, numbered(10)...)
			r.Policy.Loop.Concurrency.Value = 3
			r.Policy.Loop.Execution = policy.ExecutionAsync
			r.run(t)
			there := map[string]int{}
			for _, content := range s.contents(t) {
				there[content]++
			}
			for id, made := range last {
				wanted := map[string]int{}
				for _, content := range made {
					wanted[content]++
				}
				for content, times := range wanted {
					if there[content] < times {
						t.Errorf("seed %d: %s of %s is there %d times, want %d at least, after %d deliveries",
							seed, content, id, there[content], times, attempts[id])
					}
				}
			}
			if got := r.consumer.Snapshot(); got.Outcomes[pipeline.Succeeded] != 10 || got.Conflicts != 0 {
				t.Errorf("seed %d: got %+v, want 10 successes and no conflict", seed, got)
			}
		})
	}
}

// [I2] Delivered again, the same outputs are known, and stored once.
func TestOutputsThatComeOutAlikeAreStoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, deliveries := newSink(), 0
		r := into(s, func(ergon.Transaction) []string { return []string{"A", "B", "C"} }, "in")
		s.refuse = func(tx ergon.Transaction) error {
			if deliveries == 0 && tx.Payload() == "C" {
				deliveries++
				return errScripted
			}
			return nil
		}
		r.Producer.Loop.Concurrency.Value = 1
		r.run(t)
		if diff := cmp.Diff([]string{"A", "B", "C"}, s.contents(t)); diff != "" {
			t.Errorf("the sink (-want +got):\n%s", diff)
		}
		if got := r.consumer.Snapshot(); got.Duplicates != 2 || got.Diverged != 0 {
			t.Errorf("got %+v, want two duplicates", got)
		}
	})
}

// [I2] A handler that makes what it sends anew keeps the id, and with it what the id stands for.
func TestOutputThatItsHandlerMadeAnewHasADerivedID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, deliveries := newSink(), 0
		o := coalesce.New(s, policy.DefaultProducer().Loop.Batch)
		r := into(s, func(ergon.Transaction) []string { deliveries++; return []string{fmt.Sprint(deliveries)} }, "in")
		r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
			anew := []ergon.Transaction{ergon.NewTransaction(tx.ID(), tx.Payload()), ergon.NewTransaction("own", tx.Payload())}
			err := o.DispatchTransactions(ctx, anew)
			if anew[0].HasDerivedID() {
				t.Error("the handler's own batch was changed")
			}
			if deliveries == 1 {
				return errScripted
			}
			return err
		}
		r.run(t)
		if diff := cmp.Diff([]string{"1", "1", "2"}, s.contents(t)); diff != "" {
			t.Errorf("the sink (-want +got):\n%s", diff)
		}
		if got := r.consumer.Snapshot(); got.Diverged != 1 || got.Conflicts != 1 {
			t.Errorf("got %+v, want one diverged, and a conflict of the id that the handler gave", got)
		}
	})
}

// [B3] [I3] Two tasks send what came out of the same id to one place, and a corrected task sends it anew: nothing is lost.
func TestOutputsOfOthersAndOfLaterGenerationsAreOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		for _, c := range []struct {
			identity string
			inbound  ergon.Transaction
		}{
			{"price/orders", ergon.NewTransaction("o1", nil)},
			{"quote/orders", ergon.NewTransaction("o1", nil)},
			{"price/returns", ergon.NewTransaction("o1", nil)},
			{"price/orders", ergon.NewTransaction("o1", nil).WithGeneration(1).WithArrival("1-a")}, // replayed
			{"price/orders", ergon.NewTransaction("o1", nil).WithArrival("1-b")},                   // a letter, retried: the same work
		} {
			r := into(s, func(tx ergon.Transaction) []string { return []string{fmt.Sprint(c.identity, " ", tx.Generation())} })
			r.Identity = c.identity
			r.Source = memory.New(memory.Settings{Transactions: []ergon.Transaction{c.inbound}, Finite: true})
			r.run(t)
			if got := r.consumer.Snapshot(); got.Conflicts+got.Diverged != 0 || (got.Duplicates == 1) != (c.inbound.Arrival() == "1-b") {
				t.Errorf("%s of %v: got %+v", c.identity, c.inbound, got)
			}
		}
		want := []string{"price/orders 0", "price/orders 1", "price/returns 0", "quote/orders 0"}
		if diff := cmp.Diff(want, s.contents(t)); diff != "" {
			t.Errorf("the sink (-want +got):\n%s", diff)
		}
	})
}

// reportsAll has every output reported as each of the results.
func reportsAll(ctx context.Context, tx ergon.Transaction) error {
	for _, result := range []capability.DispatchResult{capability.Duplicate, capability.Conflict, capability.Diverged} {
		capability.ReportDispatch(ctx, tx, result)
	}
	return nil
}

// [I2] Snapshot, metrics and log lines agree; of each kind that needs somebody's attention the first is a warning.
func TestWhatWasKnownIsCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs logBuffer
		r := newHybridRig(2, reportsAll, numbered(5)...)
		r.Logger = logs.logger(slog.LevelDebug)
		i := r.instrument()
		r.run(t)
		snapshot := r.consumer.Snapshot()
		if snapshot.Duplicates != 10 || snapshot.Conflicts != 10 || snapshot.Diverged != 10 {
			t.Errorf("got %+v, want 10 of each", snapshot)
		}
		metrics := i.collect(t)
		for _, name := range []string{"duplicates", "conflicts", "diverged"} {
			points := metrics["ergon.dispatch."+name].Points
			if len(points) != 1 || points[0].Value != 10 {
				t.Errorf("metric of %s: got %+v, want 10", name, points)
			}
		}
		lines := newTally()
		for _, line := range logs.lines(t, slog.LevelDebug) {
			message, _, _ := strings.Cut(text(line, slog.MessageKey), ";")
			if message != "transaction ended" && text(line, "task") == "task" && strings.Contains(text(line, "transaction_id"), "/") {
				lines.add(text(line, slog.LevelKey) + " " + message)
			}
		}
		want := map[string]int{
			"DEBUG dispatched what the sink knew already, with the same content":                    10,
			"WARN dispatched a transaction whose id the sink knows with other content":              1,
			"DEBUG dispatched a transaction whose id the sink knows with other content":             9,
			"WARN an output came out differently when its inbound transaction was processed again":  1,
			"DEBUG an output came out differently when its inbound transaction was processed again": 9,
		}
		if diff := cmp.Diff(want, lines.n); diff != "" {
			t.Errorf("log lines (-want +got):\n%s", diff)
		}
	})
}

// [I2] What a loop produces, and what a handler of any phase dispatches, is counted; a handler that listens itself hears instead.
func TestWhatIsDispatchedInAnyPhaseIsCountedUnlessItsHandlerListens(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		own := &listener{}
		r := newRig(ergon.Task{
			Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
				if tx.ID() == "listens" {
					ctx = own.context(ctx)
				}
				return nil, errors.Join(reportsAll(ctx, tx), ergon.Business(errScripted))
			},
			Exception: func(ctx context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Discard(), reportsAll(ctx, tx)
			},
		}, "a", "listens")
		r.Policy.Loop.Execution = execution
		r.run(t)
		if got := r.consumer.Snapshot(); got.Duplicates != 3 || got.Conflicts != 3 || got.Diverged != 3 {
			t.Errorf("got %+v, want 3 of each", got)
		}
		if want := "listens duplicate, listens conflict, listens diverged"; own.all() != want {
			t.Errorf("the handler heard %q, want %q", own.all(), want)
		}

		p := newProduction(reportsAll)
		p.Producer.Loop.Execution = execution
		if err := p.run(t, of(transactionsOf("a", "b")...)); err != nil {
			t.Fatal(err)
		}
		if got := p.loop.Snapshot(); got.Duplicates != 2 || got.Conflicts != 2 || got.Diverged != 2 {
			t.Errorf("producing: got %+v, want 2 of each", got)
		}
	})
}

// [I2] [B3] What a hop reports is counted as well: by then no handler is left to hear it.
func TestWhatAHopReportsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, _ := newHopRig(nil, 2, "a")
		prepare := r.Handlers.Prepare
		own := &listener{}
		r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error { return prepare(own.context(ctx), tx) }
		r.Source = &reportingStore{s}
		r.run(t)
		if got := r.consumer.Snapshot(); got.Diverged != 2 || own.all() != "" {
			t.Errorf("got %d, and the handler heard %q after it had returned; want 2 and nothing", got.Diverged, own.all())
		}
	})
}

// reportingStore reports everything that hops.
type reportingStore struct{ *store }

func (s *reportingStore) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	err := s.store.HopTransactions(ctx, batch)
	for _, hop := range batch {
		for _, output := range hop.Outputs {
			for _, tx := range output.Transactions {
				capability.ReportDispatch(ctx, tx, capability.Diverged)
			}
		}
	}
	return err
}

// listener is a caller that hears what the connector knew already, as "id result".
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) hear(tx ergon.Transaction, result capability.DispatchResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, tx.ID()+" "+string(result))
}

func (l *listener) context(ctx context.Context) context.Context {
	return capability.WithDispatchReport(ctx, l.hear)
}

func (l *listener) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.heard, ", ")
}
