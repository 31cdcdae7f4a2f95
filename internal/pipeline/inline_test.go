package pipeline_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// faultyCallSource is a source whose call of this number, counted from 1, begins with something else; 0 for none. An error of that is the
// call's.
type faultyCallSource struct {
	settlingSource

	fetch, settle    int64
	fault            func(ctx context.Context) error
	called           chan struct{} // closed with that call
	fetches, settles atomic.Int64
	byWorker         atomic.Bool // a worker has made that call
}

func (m *faultyCallSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if m.fetches.Add(1) == m.fetch {
		if err := m.inject(ctx); err != nil {
			return nil, err
		}
	}
	return m.settlingSource.FetchTransactions(ctx, limit)
}

func (m *faultyCallSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if m.settles.Add(1) == m.settle {
		if err := m.inject(ctx); err != nil {
			return err
		}
	}
	return m.settlingSource.SettleTransactions(ctx, batch)
}

func (m *faultyCallSource) inject(ctx context.Context) error {
	close(m.called)
	m.byWorker.Store(strings.Contains(string(debug.Stack()), "pipeline.(*worker).start("))
	return m.fault(ctx)
}

var errFault = errors.New("not in the mood")

// callFaults are ways in which a call of a connector fails.
var callFaults = map[string]func(context.Context) error{
	"fails":              func(context.Context) error { return errFault },
	"panics":             func(context.Context) error { panic(errFault) },
	"ends its goroutine": func(context.Context) error { runtime.Goexit(); return nil },
	"fails slowly": func(context.Context) error {
		sleep(time.Second)
		return errFault
	},
	"panics slowly": func(context.Context) error {
		sleep(time.Second)
		panic(errFault)
	},
	"ends its goroutine slowly": func(context.Context) error {
		sleep(time.Second)
		runtime.Goexit()
		return nil
	},
	"waits for its context": func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	},
	"ignores its context": func(context.Context) error {
		sleep(time.Hour)
		return nil
	},
}

// servedCalls are the calls that workers make, and which of them is the faultyCallSource one.
var servedCalls = map[string]func(*faultyCallSource){
	"fetch":      func(m *faultyCallSource) { m.fetch = 2 },
	"settlement": func(m *faultyCallSource) { m.settle = 1 },
}

// withEachFault runs a test of a loop whose source is once in that mood, where a worker calls it.
func withEachFault(t *testing.T, fault func(*faultyCallSource), test func(t *testing.T, r *rig, m *faultyCallSource, b *begun)) {
	t.Helper()
	for name, how := range callFaults {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r, b := newServingRig(execution)
				m := &faultyCallSource{settlingSource: r.Queue, fault: how, called: make(chan struct{})}
				fault(m)
				r.Source = m
				test(t, r, m, b)
				if execution == policy.ExecutionAsync && !m.byWorker.Load() {
					t.Error("no worker has made the call in question")
				}
			})
		})
	}
}

// [P1, T1] A call that a worker makes is an attempt like any other: it is given up at its deadline, its failure is retried,
// and whatever ends the goroutine that it runs on costs no transaction.
func TestCallByAWorkerIsRetried(t *testing.T) {
	for name, set := range servedCalls {
		t.Run(name, func(t *testing.T) {
			withEachFault(t, set, func(t *testing.T, r *rig, _ *faultyCallSource, b *begun) {
				began := time.Now()
				r.run(t)
				b.want(t, 120)
				if n := len(r.Queue.Settlements()); n != 120 {
					t.Errorf("%d transactions are settled, want 120", n)
				}
				if took, most := time.Since(began), 3*time.Second+r.Policy.Fetch.Retry.Timeout+time.Second; took > most {
					t.Errorf("the loop took %s, want %s at most", took, most)
				}
				sleep(2 * time.Hour) // what ignores its context comes back
				if n := len(r.Queue.Settlements()); n < 120 {
					t.Errorf("%d transactions are settled, want 120", n)
				}
			})
		})
	}
}

// [P1] Where there is no other attempt the loop ends with what the worker's call failed with.
func TestFetchByAWorkerThatFailsForGoodEndsTheLoop(t *testing.T) {
	withEachFault(t, func(m *faultyCallSource) { m.fetch = 2 }, func(t *testing.T, r *rig, _ *faultyCallSource, b *begun) {
		r.Policy.Fetch = policy.Fetch{Connector: r.Policy.Fetch.Connector, Retry: once(30 * time.Second).Retry}
		r.start(t.Context(), t)
		err := r.wait()
		failed, ok := errors.AsType[*pipeline.FetchError](err)
		if !ok {
			t.Fatalf("the loop ended with %v, want a FetchError", err)
		}
		timedOut := b.between(0, time.Hour) == 80 && ergon.CategoryOf(failed) == ergon.CategoryTimeout
		switch {
		case errors.Is(err, errFault), errors.Is(err, ergon.ErrAttemptTimeout) && timedOut:
		case strings.Contains(err.Error(), "ended its goroutine"):
		default:
			t.Errorf("the loop ended with %v of category %v", err, ergon.CategoryOf(err))
		}
		sleep(2 * time.Hour)
	})
}

// [T4, S3] What a worker is caught in does not keep a loop from ending, and what it brings after that is requeued.
func TestShutdownLeavesACallByAWorkerBehind(t *testing.T) {
	for name, set := range servedCalls {
		t.Run(name, func(t *testing.T) {
			withEachFault(t, set, func(t *testing.T, r *rig, m *faultyCallSource, _ *begun) {
				r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
				ctx, cancel := context.WithCancel(t.Context())
				r.start(ctx, t)
				<-m.called
				sleep(handOver / 2)
				began := time.Now()
				cancel()
				_ = r.wait()
				if took, most := time.Since(began), 5*time.Second; took > most {
					t.Errorf("the shutdown took %s, want %s at most", took, most)
				}
				sleep(2 * time.Hour)
				if n := r.Queue.InFlight(); name == "fetch" && n != 0 {
					t.Errorf("%d transactions are in flight long after the end, want none", n)
				}
			})
		})
	}
}

// [T1] An attempt whose timeout is shorter than the time after which a worker's call is handed over is not the worker's.
func TestCallWithAVeryShortTimeoutKeepsIt(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r, b := newServingRig(execution)
		m := &faultyCallSource{settlingSource: r.Queue, fetch: 2, called: make(chan struct{}), fault: func(context.Context) error {
			sleep(80 * time.Microsecond)
			return nil
		}}
		r.Source = m
		r.Policy.Fetch.Retry = once(50 * time.Microsecond).Retry
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, ergon.ErrAttemptTimeout) {
			t.Errorf("the loop ended with %v, want ErrAttemptTimeout", err)
		}
		b.want(t, 80)
	})
}

// [B3, T1] A handler that prepares a single outbound transaction on its worker is bounded, retried and fenced like any other,
// and keeps no other transaction.
func TestPreparingByAWorkerIsRetried(t *testing.T) {
	begins := map[string]string{ // of the second attempt
		"fails": "1s", "panics": "1s", "ends its goroutine": "1s",
		"fails slowly": "2s", "panics slowly": "2s", "ends its goroutine slowly": "2s",
		"waits for its context": "6s", "ignores its context": "6s",
	}
	for name, fault := range callFaults {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j, calls := newJournal(), newTally()
				var byWorker atomic.Bool
				r := newHybridRig(1, func(ctx context.Context, tx ergon.Transaction) error {
					if tx.ID() != "b/0" {
						return nil
					}
					j.note("begins")
					if calls.add(tx.ID()) > 1 {
						return nil
					}
					byWorker.Store(strings.Contains(string(debug.Stack()), "pipeline.(*worker).start("))
					return fault(ctx)
				}, "a", "b", "c")
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Concurrency = policy.Concurrency{Value: 2, Headroom: 5}
				r.Producer.Prepare = retrying(2, 5*time.Second, time.Second)
				ended := newTally()
				r.OnEnd = func(result pipeline.Result) {
					r.ended(result)
					if time.Since(j.begin) <= handOver {
						ended.add(result.Transaction.ID())
					}
				}
				r.run(t)
				j.want(t, "0s begins", begins[name]+" begins")
				if !byWorker.Load() {
					t.Error("the first attempt was not the worker's")
				}
				if ended.n["a"] != 1 || ended.n["c"] != 1 {
					t.Errorf("within %s ended %v, want a and c, which have nothing to do with b", handOver, ended.n)
				}
				r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
				s := r.consumer.Snapshot()
				if n := s.Phases[policy.PhasePrepare].Count; s.Retries != 1 || n != 4 || s.Produced != 3 {
					t.Errorf("got %d retries, %d attempts and %d produced, want 1, 4 and 3", s.Retries, n, s.Produced)
				}
				sleep(2 * time.Hour)
				s = r.consumer.Snapshot()
				late := s.Late == 1
				if name == "waits for its context" { // it returns when it is given up
					late = false
				}
				if s.Abandoned != 0 || late != (name == "ignores its context") {
					t.Errorf("in the end %d are abandoned and %d late", s.Abandoned, s.Late)
				}
			})
		})
	}
}

// [T4, S3] A shutdown gives up an outbound transaction that a worker is caught in like any other.
func TestShutdownGivesUpWhatAWorkerPrepares(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newHybridRig(1, func(ctx context.Context, _ ergon.Transaction) error { return callFaults["ignores its context"](ctx) }, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 5
		r.Producer.Prepare = once(4 * time.Minute)
		r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		sleep(time.Minute)
		began := time.Now()
		cancel()
		_ = r.wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("the shutdown took %s, want the grace, 1s", took)
		}
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Interrupted: 1})
		if got := settlementsText(r.Queue.Settlements()); got != "a requeue interrupted" {
			t.Errorf("got settlements %q, want that it is given back", got)
		}
		sleep(2 * time.Hour)
	})
}
