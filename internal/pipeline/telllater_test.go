package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// foreignLog is a log handler that does something with each line.
type foreignLog struct{ do func(slog.Record) }

func (foreignLog) Enabled(context.Context, slog.Level) bool { return true }
func (l foreignLog) Handle(_ context.Context, r slog.Record) error {
	l.do(r)
	return nil
}
func (l foreignLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l foreignLog) WithGroup(string) slog.Handler      { return l }

// faultyReporters are what a loop tells, and what may go wrong with it.
var faultyReporters = map[string]func(r *rig, release <-chan struct{}){
	"a log handler that is slow": func(r *rig, _ <-chan struct{}) {
		r.Logger = slog.New(foreignLog{func(slog.Record) { sleep(300 * time.Millisecond) }})
	},
	"a log handler that panics": func(r *rig, _ <-chan struct{}) {
		r.Logger = slog.New(foreignLog{func(slog.Record) { panic("log") }})
	},
	"a log handler that exits": func(r *rig, _ <-chan struct{}) {
		r.Logger = slog.New(foreignLog{func(slog.Record) { runtime.Goexit() }})
	},
	"a log handler that hangs": func(r *rig, release <-chan struct{}) {
		r.Logger = slog.New(foreignLog{func(slog.Record) { <-release }})
	},
	"instruments that are slow": func(r *rig, _ <-chan struct{}) {
		r.MeterProvider = foreignMeters{do: func(string, int64) { sleep(100 * time.Millisecond) }}
	},
	"instruments that panic": func(r *rig, _ <-chan struct{}) {
		r.MeterProvider = foreignMeters{do: func(string, int64) { panic("metrics") }}
	},
	"instruments that exit": func(r *rig, _ <-chan struct{}) {
		r.MeterProvider = foreignMeters{do: func(string, int64) { runtime.Goexit() }}
	},
	"instruments that hang": func(r *rig, release <-chan struct{}) {
		r.MeterProvider = foreignMeters{do: func(string, int64) { <-release }}
	},
}

// moments notes when transactions get to somewhere.
type moments struct {
	mu sync.Mutex
	at map[string]time.Duration
}

func (m *moments) note(id string, at time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]time.Duration{}
	}
	m.at[id] = at
}

// want wants n of them, all at that moment.
func (m *moments) want(t *testing.T, n int, at time.Duration) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.at) != n {
		t.Errorf("%d got there, want %d", len(m.at), n)
	}
	for id, got := range m.at {
		if got != at {
			t.Errorf("transaction %s got there after %s, want %s", id, got, at)
		}
	}
}

// [F2] [T1] Every attempt's deadline holds to the moment, whatever telling of the others does.
func TestDeadlinesHoldWhateverTellingDoes(t *testing.T) {
	for name, shape := range faultyReporters {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 20
				release, hangingTask := make(chan struct{}), make(chan struct{})
				var handled moments
				began := time.Now()
				r := newRig(ergon.Task{
					Process: func(context.Context, ergon.Transaction) (any, error) {
						<-hangingTask
						return nil, nil
					},
					Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
						handled.note(tx.ID(), time.Since(began))
						return ergon.Discard(), nil
					},
				}, numbered(n)...)
				shape(r, release)
				r.Policy.Loop.Concurrency = policy.Concurrency{Value: n, Headroom: 10 * n}
				r.Policy.Process = once(100 * time.Millisecond)
				r.start(t.Context(), t)
				sleep(time.Second)
				handled.want(t, n, 100*time.Millisecond)
				close(release)
				close(hangingTask)
				if err := r.wait(); err != nil {
					t.Errorf("the loop ended with %v", err)
				}
				sleep(time.Hour) // for what is slow
			})
		})
	}
}

// leaseLosingSource is a source that takes every delivery back at the first extension.
type leaseLosingSource struct {
	ergon.Fetcher
}

func (f *leaseLosingSource) LeaseDuration() time.Duration { return 40 * time.Second }

func (f *leaseLosingSource) ExtendLeases(_ context.Context, batch []ergon.Transaction) error {
	failures := map[int]error{}
	for i := range batch {
		failures[i] = capability.ErrStaleDelivery
	}
	return &ergon.BatchError{Failures: failures}
}

func (f *leaseLosingSource) SettleTransactions(context.Context, []capability.Settlement) error {
	return nil
}

// [F2] [S5] A lost lease cancels its handler at once, whatever is written about the others.
func TestLostLeasesCancelAtOnceWhateverTellingDoes(t *testing.T) {
	for name, shape := range faultyReporters {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 20
				release := make(chan struct{})
				var cancelled moments
				began := time.Now()
				r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
					<-ctx.Done()
					cancelled.note(tx.ID(), time.Since(began))
					return nil, ctx.Err()
				}}, numbered(n)...)
				r.Source = &leaseLosingSource{Fetcher: r.Queue}
				shape(r, release)
				r.Policy.Loop.Concurrency = policy.Concurrency{Value: n, Headroom: 10 * n}
				r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(30*time.Second), once(30*time.Second), once(30*time.Second)
				r.start(t.Context(), t)
				sleep(20 * time.Second)
				cancelled.want(t, n, 10*time.Second)
				close(release)
				<-r.done
				sleep(time.Hour) // for what is slow
			})
		})
	}
}

// [F1] [F4] [T4] A log that nobody reads neither stops the work nor keeps a loop from its end: it is waited for as long as it
// gets on, and then left behind.
func TestLoopEndsWhateverTellingDoes(t *testing.T) {
	for name, shape := range faultyReporters {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					return nil, ergon.Business(errors.New("no"))
				}}, numbered(10_000)...)
				shape(r, release)
				began := time.Now()
				r.run(t)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the loop took %s, want 5s at most", took)
				}
				if got := r.consumer.Snapshot().Outcomes[pipeline.DeadLettered]; got != 10_000 {
					t.Errorf("%d transactions have failed, want 10000", got)
				}
				close(release)
				sleep(time.Hour) // for what is slow
			})
		})
	}
}
