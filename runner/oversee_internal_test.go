package runner

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// scripted is a process that says what the test has it say, and dies only when it is killed.
type scripted struct {
	says   chan report
	heard  chan order
	killed chan struct{}
	kill   func()
}

var errKilled = errors.New("signal: killed")

func newScripted() *scripted {
	c := &scripted{says: make(chan report), heard: make(chan order, 8), killed: make(chan struct{})}
	c.kill = sync.OnceFunc(func() { close(c.killed) })
	return c
}

func (c *scripted) PID() int     { return 1 }
func (c *scripted) Kill()        { c.kill() }
func (c *scripted) Close() error { return nil }

func (c *scripted) Wait() error {
	<-c.killed
	return errKilled
}

func (c *scripted) Send(message any) error {
	c.heard <- message.(order)
	return nil
}

func (c *scripted) Receive(message any) error {
	select {
	case r := <-c.says:
		reflect.ValueOf(message).Elem().Set(reflect.ValueOf(r))
		return nil
	case <-c.killed:
		return io.EOF
	}
}

// overseen has a supervisor follow a scripted process, which is killed by the end of the test in any case.
func overseen(ctx context.Context, t *testing.T) (*scripted, *process) {
	t.Helper()
	cfg := ergon.NewTaskConfig("crew", nil)
	cfg.Workers.Heartbeat = 20 * time.Second
	cfg.Shutdown = policy.Shutdown{Grace: 5 * time.Second, Force: time.Second}
	c := newScripted()
	p := &process{child: c, started: make(chan struct{}), over: make(chan struct{})}
	s := newSupervisor(0, newWorker(cfg, "crew-1", Settings{}, &shutdown{forced: context.Background()}), nil)
	go s.oversee(ctx, p)
	t.Cleanup(func() {
		c.Kill()
		<-p.over
	})
	c.says <- report{Say: reportStarted}
	return c, p
}

// wantDeath wants a process to be killed in exactly that time, for that reason.
func wantDeath(t *testing.T, p *process, in time.Duration, why string) {
	t.Helper()
	began := time.Now()
	select {
	case <-p.over:
	case <-time.After(time.Hour):
		t.Fatalf("it was not killed in an hour, want it after %s", in)
	}
	if got := time.Since(began); got != in || p.death == nil || p.death.Error() != "its process died: "+why {
		t.Errorf("after %s: %v; want it after %s: %s", got, p.death, in, why)
	}
}

// [E2] Signs of life keep a process alive however long; the first heartbeat without one has it killed, and so has a loop that
// stands still although the process speaks.
func TestSilentProcessIsKilledByItsSupervisor(t *testing.T) {
	for name, c := range map[string]struct {
		says report
		why  string
	}{
		"silent":       {report{}, "it gave no sign of life for 20s, and was killed"},
		"stands still": {report{Say: reportBeat, Stalled: "handlers"}, "its loop stood still (handlers) for 20s, and it was killed"},
		"only settles": {report{Say: reportSettled, Count: 1}, "it gave no sign of life for 20s, and was killed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				process, p := overseen(t.Context(), t)
				time.Sleep(time.Second) // so that the last sign is between two looks
				for range 10 {
					time.Sleep(19 * time.Second)
					process.says <- report{Say: reportBeat}
				}
				if c.says.Say != "" {
					process.says <- c.says
				}
				synctest.Wait()
				wantDeath(t, p, 21*time.Second, c.why)
			})
		})
	}
}

// [E3] A process that is told to stop and does not is killed when the time to shut down is over; that it speaks changes nothing.
func TestProcessThatDoesNotStopIsKilledByItsSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		process, p := overseen(ctx, t)
		stop(errors.New("enough"))
		synctest.Wait()
		if got := <-process.heard; got.Do != orderStop || got.Cause != "enough" {
			t.Errorf("got %+v, want it told to stop, and why", got)
		}
		wantDeath(t, p, treeBudget(policy.Shutdown{Grace: 5 * time.Second, Force: time.Second}),
			"it had not ended when the time to shut down was over, and was killed")
	})
}

// [E2] Who has said that it ends and does not go is killed a moment later; its last word stands.
func TestProcessThatDoesNotGoIsKilledByItsSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		process, p := overseen(t.Context(), t)
		process.says <- report{Say: reportEnded}
		synctest.Wait()
		began := time.Now()
		select {
		case <-p.over:
		case <-time.After(time.Hour):
			t.Fatal("it was not killed")
		}
		if got := time.Since(began); got != lastExit || p.lastWord == nil {
			t.Errorf("after %s, last word %v; want it after %s with what it had said", got, p.lastWord, lastExit)
		}
	})
}
