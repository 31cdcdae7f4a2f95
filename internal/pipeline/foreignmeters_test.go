package pipeline_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
)

const measurementsAreMissing = "measurements are missing, because the meter provider did not take them in time"

// foreignMeters make instruments that do something, given the instrument's name, with each value that they get.
type foreignMeters struct {
	metricnoop.MeterProvider

	do     func(instrument string, n int64)
	making func() // instead of making any; may be nil
	ending func() // instead of taking a callback back; may be nil
}

type foreignMeter struct {
	metricnoop.Meter

	of foreignMeters
}

func (m foreignMeters) Meter(string, ...metric.MeterOption) metric.Meter { return foreignMeter{of: m} }

func (m foreignMeter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	if m.of.making != nil {
		m.of.making()
	}
	return foreignHistogram{name: name, do: m.of.do}, nil
}

func (m foreignMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return foreignCounter{name: name, do: m.of.do}, nil
}

func (m foreignMeter) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return foreignRegistration{ending: m.of.ending}, nil
}

type foreignHistogram struct {
	metricnoop.Float64Histogram

	name string
	do   func(string, int64)
}

func (h foreignHistogram) Record(context.Context, float64, ...metric.RecordOption) { h.do(h.name, 1) }

type foreignCounter struct {
	metricnoop.Int64Counter

	name string
	do   func(string, int64)
}

func (c foreignCounter) Add(_ context.Context, n int64, _ ...metric.AddOption) { c.do(c.name, n) }

type foreignRegistration struct {
	metricnoop.Registration

	ending func()
}

func (r foreignRegistration) Unregister() error {
	if r.ending != nil {
		r.ending()
	}
	return nil
}

// [F1] An instrument that hangs or panics, whichever of them, takes neither a fetch nor an attempt nor a settlement with it: all is done
// at the moment at which it would be done without.
func TestInstrumentThatMisbehavesHoldsUpNothing(t *testing.T) {
	for _, of := range []spans.Instrument{
		spans.ConsumedMessages, spans.OperationDuration, spans.AttemptDuration, spans.ProcessDuration, spans.Transactions,
	} {
		for name, do := range map[string]func(free <-chan struct{}){
			"hangs":  func(free <-chan struct{}) { <-free },
			"panics": func(<-chan struct{}) { panic("instrument") },
		} {
			t.Run(of.Name+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					free := make(chan struct{})
					var called atomic.Bool
					r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
						sleep(time.Second)
						return nil, nil
					}}, numbered(3)...)
					r.Policy.Loop.Concurrency.Value, r.Policy.Settle.Interval = 1, 0
					r.MeterProvider = foreignMeters{do: func(instrument string, _ int64) {
						if instrument == of.Name {
							called.Store(true)
							do(free)
						}
					}}
					logs := &logBuffer{}
					r.Logger = logs.logger(slog.LevelWarn)
					began := time.Now()
					r.start(t.Context(), t)
					sleep(3*time.Second - 1)
					if got := len(r.Queue.Settlements()); got != 2 {
						t.Errorf("%d are settled a moment before the last has ended, want 2", got)
					}
					sleep(1)
					synctest.Wait()
					if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 3 {
						t.Errorf("%d have succeeded when the last has ended, want 3", got)
					}
					if err := r.wait(); err != nil {
						t.Errorf("the loop ended with %v", err)
					}
					limit := 3 * time.Second
					if name == "hangs" { // the end of a run waits for what gets no further
						limit += time.Second
					}
					if took := time.Since(began); took != limit {
						t.Errorf("it took %s, want %s", took, limit)
					}
					close(free)
					sleep(time.Hour)
					var want []string
					if name == "hangs" {
						want = []string{measurementsAreMissing}
					}
					logs.wantMessages(t, slog.LevelWarn, want...)
					if !called.Load() {
						t.Error("the instrument was not called")
					}
				})
			})
		}
	}
}

// [F1] A provider that hangs while instruments are made keeps a loop from being made, for a limited time.
func TestProviderThatDoesNotAnswerIsAnError(t *testing.T) {
	for name, making := range map[string]func(free <-chan struct{}){
		"hangs":  func(free <-chan struct{}) { <-free },
		"panics": func(<-chan struct{}) { panic("provider") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
				r.MeterProvider = foreignMeters{do: func(string, int64) {}, making: func() { making(free) }}
				began := time.Now()
				_, err := pipeline.New(r.Settings)
				if err == nil || !strings.Contains(err.Error(), "the meter provider: ") {
					t.Errorf("got %v, want that the meter provider %s", err, name)
				}
				if took, want := time.Since(began), map[string]time.Duration{"hangs": 5 * time.Second}[name]; took != want {
					t.Errorf("it took %s, want %s", took, want)
				}
				close(free)
				sleep(time.Minute)
			})
		})
	}
}

// [F4] A provider that does not take its gauges back keeps no run from its end.
func TestProviderThatDoesNotLetGoIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "1")
		r.Policy.Settle.Interval = 0
		r.MeterProvider = foreignMeters{do: func(string, int64) {}, ending: func() { <-free }}
		began := time.Now()
		r.run(t)
		// One second in which nothing was handed over, after one in which something was, unless that was before the first look.
		if took := time.Since(began); took != time.Second && took != 2*time.Second {
			t.Errorf("it took %s, want the one or two seconds that what gets no further has", took)
		}
		close(free)
		sleep(time.Minute)
	})
}

// [O1] Numbers are exact, however slow the provider is; durations that find no room are missing, and said to be.
func TestSlowProviderGetsAllNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		var mu sync.Mutex
		got := map[string]int64{}
		gate := make(chan struct{})
		logs := &logBuffer{}
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, numbered(n)...)
		r.Logger = logs.logger(slog.LevelWarn)
		r.MeterProvider = foreignMeters{do: func(instrument string, n int64) {
			<-gate
			mu.Lock()
			defer mu.Unlock()
			got[instrument] += n
		}}
		r.start(t.Context(), t)
		synctest.Wait()
		close(gate)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{spans.ConsumedMessages.Name, spans.Transactions.Name} {
			if got[name] != n {
				t.Errorf("%s is %d, want %d", name, got[name], n)
			}
		}
		if durations := got[spans.AttemptDuration.Name]; durations == 0 || durations >= n {
			t.Errorf("%d durations got there, want some and not all of %d", durations, n)
		}
		logs.wantMessages(t, slog.LevelWarn, measurementsAreMissing)
	})
}
