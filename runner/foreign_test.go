package runner_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// stuckLog is a log that nobody reads until it is released.
type stuckLog struct{ release chan struct{} }

func (stuckLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (l stuckLog) Handle(context.Context, slog.Record) error {
	<-l.release
	return nil
}
func (l stuckLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l stuckLog) WithGroup(string) slog.Handler      { return l }

// stuckPayload is a payload whose copy waits for the release.
type stuckPayload struct{ release chan struct{} }

func (p *stuckPayload) Clone() *stuckPayload {
	<-p.release
	return p
}

// stuckEnds are connectors whose methods hang until they are released.
type stuckSource struct {
	*memory.Queue

	in      string
	release chan struct{}
}

func (s stuckSource) at(method string) {
	if s.in == method {
		<-s.release
	}
}

func (s stuckSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	s.at("fetch")
	return s.Queue.FetchTransactions(ctx, limit)
}

func (s stuckSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	s.at("settle")
	return s.Queue.SettleTransactions(ctx, batch)
}

func (s stuckSource) CountTransactions(ctx context.Context) (int64, error) {
	s.at("count")
	return s.Queue.CountTransactions(ctx)
}

func (s stuckSource) Close(ctx context.Context) error {
	s.at("close")
	return s.Queue.Close(ctx)
}

// [F4] [T4] [E3] A shutdown is over within its bound, whatever hangs: one thing at a time, and all at once.
func TestShutdownEndsWhateverHangs(t *testing.T) {
	all := []string{"log", "payload", "handler", "fetch", "settle", "count", "close", "flush", "dead letters"}
	cases := map[string][]string{"all at once": all, "nothing": nil}
	for _, one := range all {
		cases[one] = []string{one}
	}
	const grace, force = time.Second, time.Second
	// The shutdownRun, flushing, and a tenth of a second for each of the two connectors.
	const bound = grace + force + 2*force + 5*time.Second + 200*time.Millisecond
	for name, what := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				hangs := func(in string) bool { return strings.Contains(strings.Join(what, ","), in) }
				source := stuckSource{Queue: memory.New(memory.Settings{}), release: release}
				for _, method := range []string{"close", "count", "settle", "fetch"} {
					if hangs(method) {
						source.in = method
					}
				}
				var payload any = "x"
				if hangs("payload") {
					payload = &stuckPayload{release}
				}
				if err := source.DispatchTransactions(t.Context(), []ergon.Transaction{ergon.NewTransaction("1", payload)}); err != nil {
					t.Fatal(err)
				}
				letters := dispatchFunc(func(context.Context, []ergon.Transaction) error {
					if hangs("dead letters") {
						<-release
					}
					return nil
				})
				cfg := ergon.NewTaskConfig("t", func(*ergon.Dependencies) ergon.Task {
					return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
						if hangs("handler") {
							<-release
						}
						return nil, ergon.Business(errors.New("no"))
					}}
				})
				cfg.Shutdown = policy.Shutdown{Grace: grace, Force: force}
				cfg.Consumer.Loop.Streaming = true
				cfg.Connectors["input"], cfg.Connectors["dead_letters"] = given(source), given(letters)
				s := runner.Settings{Logger: slog.New(slog.DiscardHandler)}
				if hangs("log") {
					s.Logger = slog.New(stuckLog{release})
				}
				s.Flush = func(context.Context) error {
					if hangs("flush") {
						<-release
					}
					return nil
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(errStop) })
				began := time.Now()
				_, err := runner.RunTask(ctx, cfg, s)
				if took := time.Since(began); took < 5*time.Second || took > 5*time.Second+bound {
					t.Errorf("it took %s, want 5s and %s at most", took, bound)
				}
				if !errors.Is(err, errStop) {
					t.Errorf("got %v, want the cause of the shutdown in it", err)
				}
				close(release)
				time.Sleep(time.Minute)
			})
		})
	}
}

// dispatchFunc is a connector that is a function.
type dispatchFunc func(context.Context, []ergon.Transaction) error

func (f dispatchFunc) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	return f(ctx, batch)
}

// closingSink takes its time for a dispatch, and knows whether it was closed meanwhile.
type closingSink struct {
	takes       time.Duration
	under, torn atomic.Int64
}

func (s *closingSink) DispatchTransactions(context.Context, []ergon.Transaction) error {
	s.under.Add(1)
	time.Sleep(s.takes)
	s.under.Add(-1)
	return nil
}

func (s *closingSink) Close(context.Context) error {
	s.torn.Add(s.under.Load())
	return nil
}

// [F4] A connector is not closed before a dispatch of an abandoned attempt returns. If it does not return in time, the error
// says so.
func TestConnectorIsNotClosedUnderADispatchUnsaid(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		torn  int64
	}{
		"in time":     {takes: 500 * time.Millisecond},
		"not in time": {takes: time.Hour, torn: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &closingSink{takes: c.takes}
				cfg := ergon.NewTaskConfig("t", func(d *ergon.Dependencies) ergon.Task {
					to := ergon.UseConnector[ergon.Dispatcher](d, "out")
					return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
						return nil, to.DispatchTransactions(ctx, []ergon.Transaction{tx})
					}}
				})
				cfg.Connectors["input"], cfg.Connectors["out"] = given(finiteQueue(1)), given(out)
				cfg.Consumer.Process.Retry = policy.Retry{MaxAttempts: 1, Timeout: 100 * time.Millisecond, BackoffMultiplier: 1}
				cfg.Consumer.Loop.OnException, cfg.Consumer.Loop.DeadLetter = policy.OnExceptionDiscard, ""
				_, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: slog.New(slog.DiscardHandler)})
				said := err != nil && strings.Contains(err.Error(), `"out"`)
				if out.torn.Load() != c.torn || said != (c.torn > 0) {
					t.Errorf("closed under %d dispatches, and said: %v", out.torn.Load(), err)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}
