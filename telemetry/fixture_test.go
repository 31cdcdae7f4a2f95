package telemetry_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// producer is the span that sent the first transaction of a run.
const producer = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// collector starts a receiver for the test.
func collector(t *testing.T) *otlptest.Receiver {
	t.Helper()
	r, err := otlptest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// everywhere exports all signals to endpoint.
func everywhere(endpoint string, protocol telemetry.Protocol) telemetry.Config {
	c := telemetry.DefaultConfig()
	c.OTLP.Endpoint, c.OTLP.Protocol = endpoint, protocol
	for _, exporters := range []*[]telemetry.Exporter{&c.Traces.Exporters, &c.Metrics.Exporters, &c.Logs.Exporters} {
		*exporters = []telemetry.Exporter{telemetry.ExporterOTLP}
	}
	return c
}

// setup sets c up for the test. Its console is the log that is returned, in text.
func setup(t *testing.T, c telemetry.Config, s telemetry.Settings) (*telemetry.Providers, *log) {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	console := &log{}
	s.Console, s.Terminal = console, true
	p, err := telemetry.Setup(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.WithoutCancel(t.Context())) }) // where the test has not done so
	return p, console
}

// run runs a task over three transactions: one succeeds at once, one after a retry, and for the third a rule says no.
func run(t *testing.T, p *telemetry.Providers) error {
	t.Helper()
	return runAnd(t, p, p.Shutdown)
}

// runWithoutFlush leaves p as it is.
func runWithoutFlush(t *testing.T, p *telemetry.Providers) error {
	t.Helper()
	return runAnd(t, p, nil)
}

func runAnd(t *testing.T, p *telemetry.Providers, flush func(context.Context) error) error {
	t.Helper()
	txs := []ergon.Transaction{
		ergon.NewTransaction("fine", "secret payload").WithMetadata("traceparent", producer),
		ergon.NewTransaction("healed", "secret payload"), ergon.NewTransaction("refused", "secret payload"),
	}
	cfg := ergon.NewTaskConfig("triage", func(d *ergon.Dependencies) ergon.Task {
		var again sync.Once
		return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			d.Logger().InfoContext(ctx, "looking at it")
			var err error
			switch tx.ID() {
			case "healed":
				again.Do(func() { err = errors.New("not yet") })
			case "refused":
				err = ergon.Business(errors.New("the rule says no"))
			}
			return nil, err
		}}
	})
	queue := memory.New(memory.Settings{Transactions: txs, Finite: true})
	cfg.Connectors["input"] = ergon.Component{Type: "memory", New: func() (any, error) { return queue, nil }}
	cfg.Consumer.Loop.OnException = policy.OnExceptionDiscard
	cfg.Consumer.Process.Retry.Backoff = 0
	_, err := runner.RunTask(t.Context(), cfg, runner.Settings{
		TracerProvider: p.TracerProvider, MeterProvider: p.MeterProvider, Logger: p.Logger, Flush: flush,
	})
	return err
}

// log is a console that a test reads.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is how many lines have all of parts.
func (l *log) count(parts ...string) int {
	n := 0
lines:
	for line := range strings.SplitSeq(l.String(), "\n") {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		n++
	}
	return n
}

func (l *log) want(t *testing.T, n int, parts ...string) {
	t.Helper()
	if got := l.count(parts...); got != n {
		t.Errorf("got %d lines with %q in\n%s\nwant %d", got, parts, l, n)
	}
}

// goroutines fails the test where more of them are left at its end than there were when it was called.
func goroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 1000 {
			if runtime.NumGoroutine() <= before {
				return
			}
			<-time.After(time.Millisecond)
		}
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines became %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	})
}
