package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// The loops of these tests are told to stop after a second. Handlers are cancelled ten seconds later, and given up three
// seconds after that.
const (
	stopAt   = time.Second
	cancelAt = stopAt + 10*time.Second
	giveUpAt = cancelAt + 3*time.Second
)

// runStopped runs the loop, tells it to stop and notes when it has ended.
func (r *rig) runStopped(t *testing.T, j *journal) error {
	t.Helper()
	r.Shutdown = policy.Shutdown{Grace: cancelAt - stopAt, Force: giveUpAt - cancelAt}
	err := r.runFor(t, stopAt)
	j.note("end")
	if !errors.Is(err, errStopped) {
		t.Errorf("got error %v, want the cause of the context's end", err)
	}
	return err
}

// [E3] Fetching stops at once, what waits goes back at once, and what runs drains with its lease alive and its settlement
// flowing.
func TestShutdownDrainsWhatRuns(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			sleep(map[string]time.Duration{"a": 5 * time.Second, "b": 7 * time.Second}[tx.ID()])
			return nil, nil
		}})
		q := memory.NewLeased(memory.Settings{Transactions: transactionsOf("a", "b", "c"), Record: true}, 8*time.Second)
		r.Queue, r.Source = q.Queue, spyOnLeases(q, j)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Streaming = true
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch = 2, 1
		r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(8*time.Second), once(time.Second), once(time.Second)
		_ = r.runStopped(t, j)
		j.want(t,
			"0s fetch 3: a b c",
			"1s settle c requeue interrupted",
			"2s extend 2", "4s extend 2", "5.005s settle a ack", "6s extend 1",
			"7s settle b ack", "7s end",
		)
	})
}

// [E3, P4] Each rung of the ladder at its time: a handler that returns within the grace, one that heeds its cancellation,
// one that needs a moment for it, one that is given up.
func TestRungsOfTheShutdownLadder(t *testing.T) {
	for _, test := range []struct {
		name    string
		returns time.Duration // when the handler returns; 0: as soon as it is cancelled
		settled string
		end     string
	}{
		{"just before it is cancelled", cancelAt - 1, "10.999999999s settle a ack", "10.999999999s end"},
		{"when it is cancelled", 0, "11s settle a requeue interrupted", "11s end"},
		{"just before it is given up", giveUpAt - 1, "13.999999999s settle a requeue interrupted", "13.999999999s end"},
		{"just after it was given up", giveUpAt + 1, "14s settle a requeue interrupted", "14s end"},
		{"never", 1000 * time.Hour, "14s settle a requeue interrupted", "14s end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				j := newJournal()
				var cancelled atomic.Int64
				r := newRig(neverHandled(t, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
					began := time.Now()
					context.AfterFunc(ctx, func() {
						if errors.Is(context.Cause(ctx), ergon.ErrInterrupted) && errors.Is(ctx.Err(), context.Canceled) {
							cancelled.Store(int64(time.Since(began)))
						}
					})
					if test.returns == 0 {
						<-ctx.Done()
					}
					sleep(test.returns - time.Since(began))
					return nil, ctx.Err()
				}}), "a")
				r.spyOnSettlements(j)
				shape(r)
				r.Policy.Process = once(5 * time.Minute)
				_ = r.runStopped(t, j)
				j.want(t, test.settled, test.end)
				sleep(2000 * time.Hour)
				if got := time.Duration(cancelled.Load()); test.settled != "10.999999999s settle a ack" && got != cancelAt {
					t.Errorf("the handler was cancelled after %s, want after %s", got, cancelAt)
				}
				if got := len(r.Queue.Settlements()); got != 1 {
					t.Errorf("got %d settlements, want 1", got)
				}
			})
		})
	}
}

// [E3] Without grace and force all of it happens at once.
func TestShutdownWithoutGrace(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(neverHandled(t, ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(time.Hour)
			return nil, nil
		}}), "a")
		r.spyOnSettlements(j)
		shape(r)
		r.Policy.Process, r.Policy.Loop.TransactionTimeout = once(2*time.Hour), 0
		r.Shutdown = policy.Shutdown{}
		if err := r.runFor(t, stopAt); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		j.note("end")
		j.want(t, "1s settle a requeue interrupted", "1s end")
		sleep(2 * time.Hour)
	})
}

// [E3] A second signal cuts short whatever rung the ladder is at. One that comes before the first waits for it.
func TestForceCutsTheShutdownShort(t *testing.T) {
	for _, test := range []struct {
		name      string
		at        time.Duration
		cancelled time.Duration
		end       time.Duration
	}{
		{"before the shutdown", 500 * time.Millisecond, stopAt, stopAt},
		{"while draining", 5 * time.Second, 5 * time.Second, 5 * time.Second},
		{"while cancelled handlers have time to return", 12 * time.Second, cancelAt, 12 * time.Second},
		{"after the end", time.Minute, cancelAt, giveUpAt},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				j := newJournal()
				r := newRig(neverHandled(t, ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
					<-ctx.Done()
					j.note("cancelled")
					sleep(time.Hour)
					return nil, nil
				}}), "a")
				r.OnEnd = func(result pipeline.Result) { j.note(result.Outcome.String()) }
				shape(r)
				r.Policy.Process = once(5 * time.Minute)
				force := make(chan struct{})
				r.Force = force
				time.AfterFunc(test.at, func() { close(force) })
				_ = r.runStopped(t, j)
				want := map[string]bool{
					fmt.Sprint(test.cancelled, " cancelled"): true, fmt.Sprint(test.end, " interrupted"): true, fmt.Sprint(test.end, " end"): true,
				}
				sleep(2 * time.Hour)
				if got := j.all(); len(got) != 3 || !want[got[0]] || !want[got[1]] || !want[got[2]] {
					t.Errorf("got %q, want cancelled after %s and the end after %s", got, test.cancelled, test.end)
				}
				if got := settlementsText(r.Queue.Settlements()); got != "a requeue interrupted" {
					t.Errorf("got settlements %q, want one requeue", got)
				}
			})
		})
	}
}

// [E3, R1] A backoff never holds up a shutdown, neither one that is being slept nor one that would begin.
func TestBackoffDoesNotHoldUpTheShutdown(t *testing.T) {
	for name, failsAt := range map[string]time.Duration{"before the stop": 0, "while draining": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				j := newJournal()
				r := newRig(neverHandled(t, ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					j.note("process")
					sleep(failsAt)
					return nil, errDown
				}}), "a")
				r.spyOnSettlements(j)
				shape(r)
				r.Policy.Process = retrying(3, 30*time.Second, time.Minute)
				_ = r.runStopped(t, j)
				at := max(failsAt, stopAt)
				j.want(t, "0s process", fmt.Sprint(at, " settle a requeue interrupted"), fmt.Sprint(at, " end"))
			})
		})
	}
}

// [E3] A retry without a backoff is no wait: it may be what ends the transaction within the grace.
func TestRetriesWithoutBackoffGoOnWhileDraining(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		n := 0
		r := newRig(neverHandled(t, ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(2 * time.Second)
			n++
			if n < 3 {
				return nil, errDown
			}
			return nil, nil
		}}), "a")
		r.spyOnSettlements(j)
		shape(r)
		r.Policy.Process = retrying(3, 30*time.Second, 0)
		_ = r.runStopped(t, j)
		j.want(t, "6s settle a ack", "6s end")
	})
}

// stage is where in the life of transaction a the shutdown comes, and what that does to it.
type stage struct {
	name string
	make func(r *rig, hang func())
	// drained is what the source hears where hang ends within the grace.
	drained string
	// stuck is what it hears where hang never ends; "" for nothing, so that it delivers again.
	stuck string
	// end is when a loop that is stuck ends.
	end time.Duration
}

func stages() []stage {
	ok := func(context.Context, ergon.Transaction) (any, error) { return nil, nil }
	hanging := func(connector *memory.Queue, hang func()) dispatchFunc {
		return func(ctx context.Context, batch []ergon.Transaction) error {
			hang()
			return connector.DispatchTransactions(context.WithoutCancel(ctx), batch)
		}
	}
	return []stage{
		{"process", func(r *rig, hang func()) {
			r.Handlers = ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				hang()
				return nil, nil
			}}
		}, "a ack", "a requeue interrupted", giveUpAt},
		{"success", func(r *rig, hang func()) {
			r.Handlers = ergon.Task{Process: ok, Success: func(context.Context, ergon.Transaction, any) error {
				hang()
				return nil
			}}
		}, "a ack", "a requeue interrupted", giveUpAt},
		{"exception", func(r *rig, hang func()) {
			r.Handlers = refusing(func() (ergon.Disposition, error) {
				hang()
				return ergon.Discard(), nil
			})
		}, "a ack", "a requeue interrupted", giveUpAt},
		{"settle", func(r *rig, hang func()) {
			r.Handlers = ergon.Task{Process: ok}
			r.Source = struct {
				ergon.Fetcher
				capability.Settler
			}{r.Queue, settleFunc(func(ctx context.Context, batch []capability.Settlement) error {
				hang()
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return r.Queue.SettleTransactions(ctx, batch)
			})}
		}, "a ack", "", giveUpAt + 3*time.Second},
		{"dead letter", func(r *rig, hang func()) {
			r.Handlers = refusing(nil)
			r.withDeadLetters(hanging(memory.New(memory.Settings{}), hang))
		}, "a ack", "", giveUpAt + 3*time.Second},
		{"release of a late fetch", func(r *rig, hang func()) {
			r.Handlers = ergon.Task{Process: ok}
			r.Source = struct {
				ergon.Fetcher
				capability.Settler
			}{fetchFunc(func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				hang()
				return r.Queue.FetchTransactions(context.WithoutCancel(ctx), limit)
			}), r.Queue}
		}, "a requeue interrupted", "", stopAt + 5*time.Second},
	}
}

// [E3, S4] A shutdown in any phase: what can end within the grace does, everything else ends on time, and in no case is
// anything lost or settled twice.
func TestShutdownInEachPhase(t *testing.T) {
	for _, stage := range stages() {
		t.Run(stage.name, func(t *testing.T) {
			t.Run("drained", func(t *testing.T) {
				inBothModes(t, func(t *testing.T, shape func(*rig)) {
					r := newRig(ergon.Task{}, "a")
					shape(r)
					stage.make(r, func() { sleep(4 * time.Second) })
					_ = r.runStopped(t, newJournal())
					sleep(time.Minute)
					if got := settlementsText(r.Queue.Settlements()); got != stage.drained {
						t.Errorf("got settlements %q, want %q", got, stage.drained)
					}
				})
			})
			t.Run("stuck", func(t *testing.T) {
				inBothModes(t, func(t *testing.T, shape func(*rig)) {
					j := newJournal()
					r := newRig(ergon.Task{}, "a")
					shape(r)
					for _, step := range []*policy.Retry{
						&r.Policy.Process.Retry, &r.Policy.Success.Retry, &r.Policy.Exception.Retry, &r.Policy.Settle.Retry, &r.Policy.Fetch.Retry,
					} {
						step.Timeout = time.Hour
					}
					r.Policy.Loop.TransactionTimeout = 0
					over := make(chan struct{})
					stage.make(r, func() { <-over })
					err := r.runStopped(t, j)
					j.want(t, fmt.Sprint(stage.end, " end"))
					if stage.end > giveUpAt && !errors.Is(err, pipeline.ErrUnsettled) {
						t.Errorf("got error %v, want it to say that something is unsettled", err)
					}
					if got := settlementsText(r.Queue.Settlements()); got != stage.stuck {
						t.Errorf("got settlements %q, want %q", got, stage.stuck)
					}
					close(over)
					sleep(2 * time.Hour)
					if got := len(r.Queue.Settlements()); got > 1 {
						t.Errorf("got %d settlements in the end, want one at most", got)
					}
					left, _ := r.Queue.CountTransactions(t.Context())
					if stage.stuck == "" && left+int64(r.Queue.InFlight()) != 1 {
						t.Errorf("the source does not hold what was not settled")
					}
				})
			})
		})
	}
}

// [E3] Any number that waits is released without waiting for a source that hangs.
func TestShutdownOfALoopThatFetchedFarAhead(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, numbered(5000)...)
		r.Source = memory.WithFaults(r.Queue, memory.Stall(memory.OnSettle, memory.Forever).Always())
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Batch.Size, r.Policy.Loop.Batch.Prefetch = 5000, 5000
		r.Policy.Settle.Retry.Timeout = time.Hour
		err := r.runStopped(t, j)
		if !errors.Is(err, pipeline.ErrUnsettled) {
			t.Errorf("got error %v, want ErrUnsettled", err)
		}
		j.want(t, "17s end")
	})
}

// [E3] A loop that is told to stop before it began processes nothing and keeps nothing.
func TestLoopThatIsStoppedBeforeItBegins(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a", "b")
		shape(r)
		r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.start(ctx, t)
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		j.note("end")
		j.want(t, "0s end")
		if got := r.Queue.InFlight(); got != 0 {
			t.Errorf("%d transactions are in flight still", got)
		}
	})
}
