package runner

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/reexec"
)

// fakeChild is a process that reports what a test reports, and is gone when the test or a supervisor ends it.
type fakeChild struct {
	reports chan report
	orders  chan order
	gone    chan struct{}
	once    sync.Once
	err     error
}

var (
	errKilled = errors.New("signal: killed")
	errDied   = errors.New("exit status 3")
)

func newFakeChild() *fakeChild {
	return &fakeChild{reports: make(chan report), orders: make(chan order, 8), gone: make(chan struct{})}
}

func (c *fakeChild) PID() int     { return 1 }
func (c *fakeChild) Kill()        { c.exit(errKilled) }
func (c *fakeChild) Close() error { return nil }

func (c *fakeChild) exit(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.gone)
	})
}

func (c *fakeChild) Wait() error {
	<-c.gone
	return c.err
}

func (c *fakeChild) Send(message any) error {
	c.orders <- message.(order)
	return nil
}

func (c *fakeChild) Receive(message any) error {
	select {
	case r := <-c.reports:
		reflect.ValueOf(message).Elem().Set(reflect.ValueOf(r))
		return nil
	case <-c.gone:
		return io.EOF
	}
}

// report returns when the report is received, or the process is gone.
func (c *fakeChild) report(r report) {
	select {
	case c.reports <- r:
	case <-c.gone:
	}
}

// end is the last that an orderly process does.
func (c *fakeChild) end(r report) {
	r.Type = reportEnded
	c.report(r)
	c.exit(nil)
}

// want returns the next order, which has to be of that type.
func (c *fakeChild) want(t *testing.T, typ string) order {
	t.Helper()
	o := <-c.orders
	if o.Type != typ {
		t.Errorf("got %+v, want the order %q", o, typ)
	}
	return o
}

// fakeSupervisor is a supervisor whose nth process, from 0, does what play does. It is the only worker of its task.
func fakeSupervisor(t *testing.T, cfg ergon.TaskConfig, play func(n int, c *fakeChild)) *supervisor {
	t.Helper()
	stop := &shutdown{forced: context.Background()}
	settings := Settings{Logger: slog.New(slog.DiscardHandler), jitter: func() float64 { return 0 }}
	s := newSupervisor(cfg, "t-1", settings, stop, newWorkerOutput(settings, nil))
	started := 0
	s.launch = func(reexec.Settings) (child, error) {
		c := newFakeChild()
		t.Cleanup(c.Kill)
		go play(started, c)
		started++
		return c, nil
	}
	return s
}
