package runner_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

// faultySource is a source, and a sink, whose methods that take no context misbehave before or after it was opened.
type faultySource struct {
	*memory.Queue

	in    string
	after bool
	do    func()
	open  *atomic.Bool // what hangs may read it still while it is closed
}

func (w *faultySource) Open(ctx context.Context) error {
	w.open.Store(true)
	return w.Queue.Open(ctx)
}

func (w *faultySource) Close(ctx context.Context) error {
	w.open.Store(false)
	return w.Queue.Close(ctx)
}

func (w *faultySource) at(method string) {
	if w.in == method && w.open.Load() == w.after {
		w.do()
	}
}

func (w *faultySource) Declare() capability.Declaration {
	w.at("Declare")
	return w.Queue.Declare()
}

func (w *faultySource) LeaseDuration() time.Duration {
	w.at("LeaseDuration")
	return time.Minute
}

func (*faultySource) ExtendLeases(context.Context, []ergon.Transaction) error { return nil }

func (w *faultySource) SharesStore(ergon.Dispatcher) bool {
	w.at("SharesStore")
	return false
}

func (*faultySource) HopTransactions(context.Context, []capability.Hop) error { return nil }

// [F1] [K1] Whatever the methods of a connector do that take no context, before or after it was opened: nothing is run, what is open
// is closed, the error says whose fault it is, and it is over within five seconds.
func TestConnectorThatDoesNotSayWhatItIs(t *testing.T) {
	for what, do := range map[string]func(){
		"panic: broken":                 func() { panic("broken") },
		"it ended its goroutine":        runtime.Goexit,
		"it has not returned within 5s": func() { time.Sleep(time.Hour) },
	} {
		for name, w := range map[string]faultySource{
			"Declare before Open": {in: "Declare"}, "Declare after Open": {in: "Declare", after: true},
			"LeaseDuration": {in: "LeaseDuration", after: true}, "SharesStore": {in: "SharesStore", after: true},
		} {
			for _, role := range []string{"input", "dead_letters"} {
				if role != "input" && w.in != "Declare" {
					continue // only a source is asked
				}
				t.Run(name+" "+what+" "+role, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := w
						w.Queue, w.do, w.open = finiteQueue(1), do, &atomic.Bool{}
						ran := false
						cfg := configure("t", finiteQueue(1), processor(func(context.Context, ergon.Transaction) (any, error) {
							ran = true
							return nil, nil
						}))
						cfg.Connectors["dead_letters"] = given(memory.New(memory.Settings{}))
						cfg.Connectors[role] = given(&w)
						began := time.Now()
						_, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
						if took := time.Since(began); took > 5*time.Second {
							t.Errorf("it took %s", took)
						}
						wantErrorText(t, err, w.in+" of *runner_test.faultySource: "+what, `connector "`)
						wantExitCode(t, err, 1)
						if ran || w.open.Load() {
							t.Errorf("a transaction was run: %t; the connector was left open: %t", ran, w.open.Load())
						}
						time.Sleep(2 * time.Hour) // for what was left behind
					})
				})
			}
		}
	}
}

// changing is a queue that declares something else once it is open.
type changing struct {
	*memory.Queue

	before, after capability.Declaration
	open          atomic.Bool
	closed        atomic.Bool
}

func (c *changing) Open(ctx context.Context) error {
	c.open.Store(true)
	return c.Queue.Open(ctx)
}

func (c *changing) Close(ctx context.Context) error {
	c.closed.Store(true)
	return c.Queue.Close(ctx)
}

func (c *changing) Declare() capability.Declaration {
	if c.open.Load() {
		return c.after
	}
	return c.before
}

// [K1] A source that promises more once it is open is refused before anything runs, by the name of what it promises. One that
// promises less runs.
func TestDeclarationMayOnlyNarrow(t *testing.T) {
	more, less := capability.Declaration{Order: capability.OrderKey}, capability.Declaration{Order: capability.OrderNone}
	unsettled := capability.Declaration{Lacks: capability.CanSettle, Sharing: capability.SharingSingle}
	for name, c := range map[string]struct {
		before, after capability.Declaration
		want          string
	}{
		"less":                 {more, less, ""},
		"more":                 {less, more, `order was "none" and is "key"`},
		"cannot settle before": {unsettled, less, `lacks was "settle"`},
	} {
		t.Run(name, func(t *testing.T) {
			queue := &changing{Queue: finiteQueue(1), before: c.before, after: c.after}
			ran := 0
			cfg := configure("t", queue, processor(func(context.Context, ergon.Transaction) (any, error) {
				ran++
				return nil, nil
			}))
			_, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
			if c.want == "" {
				if err != nil || ran != 1 {
					t.Errorf("got %v and %d runs, want nil and 1", err, ran)
				}
				return
			}
			wantErrorText(t, err, `declaration of connector "input" (given): it promises more than before`, c.want)
			if ran != 0 || !queue.closed.Load() {
				t.Errorf("%d transactions ran, closed: %t; want none and closed", ran, queue.closed.Load())
			}
		})
	}
}

// [K1] A task that dispatches to a connector that cannot do so as it is configured is refused when it is made.
func TestConnectorThatLacksDispatchIsNoDispatcher(t *testing.T) {
	cfg := configure("t", finiteQueue(1), func(d *ergon.Dependencies) ergon.Task {
		ergon.UseConnector[ergon.Dispatcher](d, "output")
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
	})
	cfg.Connectors["output"] = given(memory.New(memory.Settings{Lacks: capability.CanDispatch}))
	_, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
	wantErrorText(t, err, `connector "output" is a *memory.Queue that cannot dispatch as it is configured`)
	wantExitCode(t, err, 2)
}
