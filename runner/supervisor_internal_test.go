package runner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
)

// supervise starts and runs s, and returns how long that took and its error.
func supervise(ctx context.Context, t *testing.T, s *supervisor) (time.Duration, error) {
	t.Helper()
	if total, err := s.start(ctx); err != nil || total != 7 {
		t.Fatalf("got a total of %d and %v, want the 7 of the first process", total, err)
	}
	began := time.Now()
	err := s.run(ctx)
	return time.Since(began), err
}

// untilRun plays a process up to the order to run its loop, and returns its first order.
func untilRun(t *testing.T, c *fakeChild, started report) order {
	t.Helper()
	first := c.want(t, orderStart)
	started.Type = reportStarted
	c.report(started)
	c.want(t, orderRun)
	return first
}

func wantState(t *testing.T, s *supervisor, state WorkerState, restarts int) WorkerProgress {
	t.Helper()
	p := s.progress()
	if p.State != state || p.Restarts != restarts {
		t.Errorf("got %q after %d restarts, want %q after %d", p.State, p.Restarts, state, restarts)
	}
	return p
}

// [E2] A process that dies is replaced after 0.5 s, doubling. After crash_limit processes in a row without a result the worker
// is given up. What they settled stays in the snapshot.
func TestProcessesThatDieAreReplacedUntilTheWorkerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := ergon.NewTaskConfig("t", nil)
		cfg.Workers.CrashLimit = 3
		s := fakeSupervisor(t, cfg, func(n int, c *fakeChild) {
			first := untilRun(t, c, report{Total: 7})
			if n > 3 {
				t.Errorf("process %d was started, want the worker to be given up", n)
				c.end(report{})
				return
			}
			if counts := n == 0; first.Count != counts {
				t.Errorf("process %d: asked to count: %v, want only the first to count", n, first.Count)
			}
			if want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond}[n]; first.Elapsed != want {
				t.Errorf("process %d was started after %s, want %s", n, first.Elapsed, want)
			}
			if n == 0 {
				c.report(report{Type: reportSettled, Outcome: Succeeded, Count: 4})
			} else { // a transaction that kills its process is fetched and started, and has no result
				c.report(report{Type: reportHeartbeat, Snapshot: Snapshot{Fetched: 1, Started: 1}})
			}
			c.exit(errDied)
		})
		took, err := supervise(t.Context(), t, s)
		// The first settled something, so the next three in a row are the limit.
		if took != 3500*time.Millisecond || err == nil ||
			err.Error() != "given up after 3 processes in a row that finished no transaction: its process died: exit status 3" {
			t.Errorf("got %v after %s", err, took)
		}
		if p := wantState(t, s, WorkerGivenUp, 3); p.Snapshot.Outcomes[Succeeded] != 4 {
			t.Errorf("got %+v, want the 4 that succeeded", p.Snapshot)
		}
	})
}

// What a worker process reports of the health of its components is seen until it reports something else, dies or ends.
func TestHealthOfAProcessIsThatOfItsLastHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := []Unhealthy{{Component: `service "prices"`, Problem: "no answer"}}
		var s *supervisor
		want := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := s.progress().Unhealthy; len(got) != want {
				t.Errorf("got %v %s, want %d", got, when, want)
			}
		}
		s = fakeSupervisor(t, ergon.NewTaskConfig("t", nil), func(n int, c *fakeChild) {
			untilRun(t, c, report{Total: 7})
			want("before the first heartbeat", 0)
			c.report(report{Type: reportHeartbeat, Unhealthy: down})
			want("after a heartbeat that says so", 1)
			if n == 0 {
				c.exit(errDied)
				return
			}
			c.report(report{Type: reportHeartbeat})
			want("after a heartbeat that does not", 0)
			c.report(report{Type: reportHeartbeat, Unhealthy: down})
			c.end(report{})
		})
		if _, err := supervise(t.Context(), t, s); err != nil {
			t.Error(err)
		}
		want("after the end", 0)
	})
}

// [E2] [L2] What a process that died had taken of loop.limit is used; what one that ended had not started is not.
func TestLimitHoldsOverProcessesThatDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := ergon.NewTaskConfig("t", nil)
		left := []int64{10, 7, 4 + 3}
		s := fakeSupervisor(t, cfg, func(n int, c *fakeChild) {
			if first := untilRun(t, c, report{Total: 7}); first.Left != left[n] {
				t.Errorf("process %d: got %d left, want %d", n, first.Left, left[n])
			}
			c.report(report{Type: reportWanted, Wanted: []int{3, 3, 8}[n]})
			if got, want := c.want(t, orderGrant).Granted, []int{3, 3, 7}[n]; got != want {
				t.Errorf("process %d: got %d granted, want %d", n, got, want)
			}
			if n == 1 { // has started nothing, and is replaced because its handlers do not return
				c.end(report{Failures: failuresOf(ErrHeadroom, nil)})
			}
			c.exit(errDied)
		})
		s.quota = pipeline.NewQuota(10)
		_, err := supervise(t.Context(), t, s)
		if err == nil || err.Error() != "its process died: exit status 3; loop.limit is reached, so it is not replaced" {
			t.Errorf("got %v", err)
		}
		wantState(t, s, WorkerEnded, 2)
	})
}

// [E2] A process that ended in order is not replaced, and neither is one whose work no other can continue.
func TestProcessesThatAreNotReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		started report
		end     func(*fakeChild)
		want    string
		code    int
	}{
		"succeeded": {report{Total: 7}, func(c *fakeChild) { c.end(report{}) }, "", 0},
		"failed": {
			report{Total: 7}, func(c *fakeChild) { c.end(report{Failures: failuresOf(ErrUsage, nil)}) }, "usage", exitUsage,
		},
		"died, without a source": {
			report{Total: 7, Once: true},
			func(c *fakeChild) { c.exit(errDied) },
			"its process died: exit status 3; the task has no source that delivers its work again, so it needs a new run", exitFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fakeSupervisor(t, ergon.NewTaskConfig("t", nil), func(n int, child *fakeChild) {
					if n > 0 {
						t.Error("it was replaced")
					}
					untilRun(t, child, c.started)
					c.end(child)
				})
				_, err := supervise(t.Context(), t, s)
				if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) || ExitCode(err) != c.code {
					t.Errorf("got %v with exit code %d, want %q with %d", err, ExitCode(err), c.want, c.code)
				}
				wantState(t, s, WorkerEnded, 0)
			})
		})
	}
}

// [E3] The end of the run's context ends the wait before a replacement, and its cause is the error.
func TestShutdownEndsTheWaitForAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(errEnough) })
		s := fakeSupervisor(t, ergon.NewTaskConfig("t", nil), func(_ int, c *fakeChild) {
			untilRun(t, c, report{Total: 7})
			c.exit(errDied)
		})
		if took, err := supervise(ctx, t, s); took != 100*time.Millisecond || !errors.Is(err, errEnough) {
			t.Errorf("got %v after %s, want %v after 100ms", err, took, errEnough)
		}
		wantState(t, s, WorkerEnded, 0)
	})
}

// [E2] A run whose other tasks cannot start runs nothing: the process closes what it opened.
func TestDiscardedProcessRunsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fakeSupervisor(t, ergon.NewTaskConfig("t", nil), func(_ int, c *fakeChild) {
			c.want(t, orderStart)
			c.report(report{Type: reportStarted, Total: -1})
			c.want(t, orderDiscard)
			c.end(report{Failures: []failure{{Text: "close: no", Code: 1}}})
		})
		if total, err := s.start(t.Context()); total != -1 || err != nil {
			t.Errorf("got %d, %v; want -1 and no error", total, err)
		}
		if err := s.discard(t.Context()); err == nil || err.Error() != "close: no" {
			t.Errorf("got %v, want what its process could not close", err)
		}
		wantState(t, s, WorkerEnded, 0)
	})
}

// [E2] A worker whose first process does not start fails: the program that cannot be executed, and the main that ends it.
func TestProcessThatDoesNotStartFailsItsWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fakeSupervisor(t, ergon.NewTaskConfig("t", nil), func(_ int, c *fakeChild) { c.exit(nil) })
		if _, err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "os.Exit(0)") {
			t.Errorf("got %v, want how it ended", err)
		}
		wantState(t, s, WorkerEnded, 0)
		s.launch = func(reexec.Settings) (child, error) { return nil, errDied }
		if _, err := s.start(t.Context()); !errors.Is(err, errDied) {
			t.Errorf("got %v, want why it could not be started", err)
		}
	})
}
