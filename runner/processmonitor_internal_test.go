package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// monitored is a process that a monitor follows. It is killed at the end of the test.
func monitored(ctx context.Context, t *testing.T) (*fakeChild, *process) {
	t.Helper()
	c := newFakeChild()
	p := newProcess(c)
	stalled := ""
	m := processMonitor{
		heartbeat: 20 * time.Second, shutdown: policy.Shutdown{Grace: 5 * time.Second, Force: time.Second},
		handle: func(r report) bool {
			stalled = r.Stalled
			return r.Type == reportHeartbeat && r.Stalled == ""
		},
		stalled: func() string { return stalled },
	}
	go func() {
		defer close(p.ended)
		m.follow(ctx, p)
	}()
	t.Cleanup(func() {
		c.Kill()
		<-p.ended
	})
	c.report(report{Type: reportHeartbeat})
	return c, p
}

// wantDeath wants a process to be killed in exactly that time, for that reason.
func wantDeath(t *testing.T, p *process, in time.Duration, why string) {
	t.Helper()
	began := time.Now()
	select {
	case <-p.ended:
	case <-time.After(time.Hour):
		t.Fatalf("it was not killed in an hour, want it after %s", in)
	}
	if got := time.Since(began); got != in || p.death == nil || p.death.Error() != "its process died: "+why {
		t.Errorf("after %s: %v; want it after %s: %s", got, p.death, in, why)
	}
}

// [E2] A process lives as long as its heartbeats come. It is killed 20 s after the last one, also if it reports that its loop is
// stuck.
func TestProcessWithoutHeartbeatsIsKilled(t *testing.T) {
	for name, c := range map[string]struct {
		last report
		why  string
	}{
		"silent":       {report{}, "it sent no heartbeat for 20s, and was killed"},
		"stuck":        {report{Type: reportHeartbeat, Stalled: "handlers"}, "its loop was stuck (handlers) for 20s, and it was killed"},
		"only settles": {report{Type: reportSettled, Count: 1}, "it sent no heartbeat for 20s, and was killed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				process, p := monitored(t.Context(), t)
				time.Sleep(time.Second) // so that the last heartbeat is between two checks
				for range 10 {
					time.Sleep(19 * time.Second)
					process.report(report{Type: reportHeartbeat})
				}
				if c.last.Type != "" {
					process.report(c.last)
				}
				synctest.Wait()
				wantDeath(t, p, 21*time.Second, c.why)
			})
		})
	}
}

// [E3] A process that is ordered to stop and does not is killed when the time to shut down is over.
func TestProcessThatDoesNotStopIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		process, p := monitored(ctx, t)
		stop(errors.New("enough"))
		synctest.Wait()
		if got := process.want(t, orderStop); got.Cause != "enough" {
			t.Errorf("got %+v, want the reason", got)
		}
		wantDeath(t, p, processBudget(policy.Shutdown{Grace: 5 * time.Second, Force: time.Second}),
			"it had not ended when the time to shut down was over, and was killed")
	})
}

// [E2] A process that has sent its last report and does not exit is killed a second later; the report counts.
func TestProcessThatDoesNotExitIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		process, p := monitored(t.Context(), t)
		process.report(report{Type: reportEnded})
		synctest.Wait()
		began := time.Now()
		select {
		case <-p.ended:
		case <-time.After(time.Hour):
			t.Fatal("it was not killed")
		}
		if got := time.Since(began); got != exitTime || p.final == nil {
			t.Errorf("after %s, last report %v; want it after %s, and what it had reported", got, p.final, exitTime)
		}
	})
}

// [E3] With the defaults all worker processes are gone, and telemetry is flushed, within the 45 s that a single process has.
func TestWorkerProcessesHaveTheDeadlineOfTheirRun(t *testing.T) {
	p := policy.DefaultShutdown()
	if orderly, forced := processBudget(p), forcedProcessBudget(p); orderly != 44*time.Second || forced != 8*time.Second {
		t.Errorf("got %s and %s, want 44 s, with one second to flush after it, and 8 s", orderly, forced)
	}
}
