package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// journal is what happened, in order.
type journal struct {
	mu     sync.Mutex
	events []string
}

func (j *journal) addf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.events)
}

// want wants exactly these events, in this order.
func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	if got := j.all(); !slices.Equal(got, want) {
		t.Errorf("got events\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// part is a connector or service that writes down what is done to it. A nil function succeeds.
type part struct {
	journal                   *journal
	name                      string
	onOpen, onFinish, onClose func(context.Context) error
}

func (p *part) Open(ctx context.Context) error   { return p.event(ctx, "open", p.onOpen) }
func (p *part) Finish(ctx context.Context) error { return p.event(ctx, "finish", p.onFinish) }
func (p *part) Close(ctx context.Context) error  { return p.event(ctx, "close", p.onClose) }

func (p *part) event(ctx context.Context, what string, do func(context.Context) error) error {
	p.journal.addf("%s %s", what, p.name)
	if do == nil {
		return nil
	}
	return do(ctx)
}

// component makes p, and writes that down.
func (p *part) component() ergon.Component { return p.making(p) }

func (p *part) making(value any) ergon.Component {
	return ergon.Component{Type: "part", New: func() (any, error) {
		p.journal.addf("make %s", p.name)
		return value, nil
	}}
}

// recordedSource is a queue that is a part as well.
type recordedSource struct {
	*memory.Queue
	*part
}

func (s recordedSource) Open(ctx context.Context) error  { return s.part.Open(ctx) }
func (s recordedSource) Close(ctx context.Context) error { return s.part.Close(ctx) }

// fetchFunc is a source that is a function.
type fetchFunc func(ctx context.Context, limit int) ([]ergon.Transaction, error)

// Declare has several workers share it.
func (fetchFunc) Declare() capability.Declaration {
	return capability.Declaration{Sharing: capability.SharingCompeting}
}

func (f fetchFunc) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	return f(ctx, limit)
}

// given is a component that is there already.
func given(value any) ergon.Component {
	return ergon.Component{Type: "given", New: func() (any, error) { return value, nil }}
}

func transactions(n int) []ergon.Transaction {
	made := make([]ergon.Transaction, n)
	for i := range made {
		made[i] = ergon.NewTransaction(fmt.Sprintf("t%d", i), i)
	}
	return made
}

// finiteQueue holds n transactions and is exhausted after them.
func finiteQueue(n int) *memory.Queue {
	return memory.New(memory.Settings{Transactions: transactions(n), Finite: true, Record: true})
}

// processor makes a task of a function; nil does nothing.
func processor(process func(ctx context.Context, tx ergon.Transaction) (any, error)) func(*ergon.Dependencies) ergon.Task {
	if process == nil {
		process = func(context.Context, ergon.Transaction) (any, error) { return "done", nil }
	}
	return func(*ergon.Dependencies) ergon.Task { return ergon.Task{Process: process} }
}

// configure makes a task that fetches from source, has one attempt for everything and discards what fails.
func configure(name string, source any, task func(*ergon.Dependencies) ergon.Task) ergon.TaskConfig {
	cfg := ergon.NewTaskConfig(name, task)
	cfg.Connectors["input"] = given(source)
	cfg.Consumer.Loop.OnException = policy.OnExceptionDiscard
	cfg.Consumer.Loop.EmptyQueue.Jitter = 0
	for _, r := range []*policy.Retry{
		&cfg.Consumer.Fetch.Retry, &cfg.Consumer.Process.Retry, &cfg.Consumer.Success.Retry, &cfg.Consumer.Exception.Retry,
	} {
		r.MaxAttempts, r.Jitter = 1, 0
	}
	return cfg
}

// quiet is where logs go that no test reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// manage makes a manager of tasks that are configured rightly.
func manage(t testing.TB, s runner.Settings, tasks ...ergon.TaskConfig) *runner.Manager {
	t.Helper()
	if s.Logger == nil {
		s.Logger = quiet()
	}
	m := runner.NewManager(s)
	for _, cfg := range tasks {
		if err := m.Register(cfg); err != nil {
			t.Fatalf("register %s: %v", cfg.Name, err)
		}
	}
	return m
}

func wantErrorText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got error %q, want %q in it", err, p)
		}
	}
}

func wantExitCode(t *testing.T, err error, want int) {
	t.Helper()
	if got := runner.ExitCode(err); got != want {
		t.Errorf("got exit code %d of %v, want %d", got, err, want)
	}
}

// safeLog is a log that a test reads.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *safeLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
