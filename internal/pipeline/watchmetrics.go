package pipeline

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// events is the number of results that an attempt can have.
const events = int(lifecycle.LeaseLost) + 1

// calls are the durations of an operation's calls.
type calls struct {
	succeeded *timing
	failed    [3]*timing // by category
}

// metrics are the series of a loop. All are made at the start, so recording only counts: it is safe for concurrent use and calls no
// foreign code [F1] [O2].
type metrics struct {
	meter    *meter
	produces bool
	gauges   []metric.Registration

	consumed *counter
	lates    *counter
	ends     [outcomes]*counter
	sent     [outcomes]*counter
	process  [outcomes]*timing
	prepared [outcomes]*timing
	attempt  [lifecycle.Phases][events]*timing
	receive  calls
	settle   calls
}

// gauge is a number that is read when metrics are collected, on the goroutine of the meter provider.
type gauge struct {
	instrument spans.Instrument
	read       func() int64
}

// newMetrics calls a foreign provider: the caller limits the time.
func newMetrics(s Settings, m *meter, from metric.MeterProvider, gauges []gauge) (*metrics, error) {
	made := &metrics{meter: m, produces: s.produces}
	made.prepare(s)
	err := m.err()
	if err == nil {
		err = made.observe(s, from.Meter(spans.InstrumentationName), gauges)
	}
	if err != nil {
		return nil, fmt.Errorf("make the metrics of task %q: %w", s.Task, err)
	}
	return made, nil
}

// taskAttributes are on all metrics of a task.
func (s Settings) taskAttributes() []attribute.KeyValue {
	return []attribute.KeyValue{spans.MessagingSystem.String(spans.SystemName), spans.Task.String(s.Task)}
}

// sourceAttributes are on all metrics about the source; a producing loop has none.
func (s Settings) sourceAttributes() []attribute.KeyValue {
	if s.produces {
		return s.taskAttributes()
	}
	return append(s.taskAttributes(), spans.MessagingSource.String(s.Policy.Fetch.Connector))
}

func (m *metrics) prepare(s Settings) {
	common := s.sourceAttributes()
	with := func(more ...attribute.KeyValue) []attribute.KeyValue { return append(slices.Clip(more), common...) }
	m.lates = m.meter.counter(spans.LateResults, common...)
	m.consumed = m.meter.counter(spans.ConsumedMessages, with(spans.MessagingOperation.String("receive"))...)
	for o := range outcomes {
		name, failed := spans.Outcome.String(Outcome(o).String()), errorOf(Outcome(o))
		prepare := append(s.taskAttributes(), spans.MessagingOperation.String("prepare"))
		m.ends[o] = m.meter.counter(spans.Transactions, with(name)...)
		m.process[o] = m.meter.timing(spans.ProcessDuration, with(append(failed, name, spans.MessagingOperation.String("process"))...)...)
		m.prepared[o] = m.meter.timing(spans.OperationDuration, append(slices.Clip(prepare), name)...)
		m.sent[o] = m.meter.counter(spans.SentMessages, append(slices.Clip(prepare), failed...)...)
	}
	for p := range m.attempt {
		phase := spans.PhaseKey.String(string(phaseOf(s.produces, lifecycle.Phase(p))))
		for e := range events {
			m.attempt[p][e] = m.meter.timing(spans.AttemptDuration, with(phase, spans.Result.String(lifecycle.Event(e).String()))...)
		}
	}
	for name, operation := range map[string]*calls{"receive": &m.receive, "settle": &m.settle} {
		key := spans.MessagingOperation.String(name)
		operation.succeeded = m.meter.timing(spans.OperationDuration, with(key)...)
		for _, category := range []ergon.Category{ergon.CategorySystem, ergon.CategoryBusiness, ergon.CategoryTimeout} {
			operation.failed[category] = m.meter.timing(spans.OperationDuration, with(key, spans.ErrorType.String(category.String()))...)
		}
	}
}

// errorOf returns the attribute that the conventions require of a message that was not sent or not processed. An interrupted message,
// and one that the source took back, have not failed.
func errorOf(o Outcome) []attribute.KeyValue {
	if o == Succeeded || o == Interrupted || o == Redelivered {
		return nil
	}
	return []attribute.KeyValue{spans.ErrorType.String(o.String())}
}

// observe registers the gauges and those of the source's queue.
func (m *metrics) observe(s Settings, meter metric.Meter, gauges []gauge) error {
	attrs := metric.WithAttributeSet(attribute.NewSet(spans.Task.String(s.Task), spans.Worker.String(s.Worker)))
	read := map[metric.Int64Observable]func() int64{}
	var all []metric.Observable
	for _, g := range gauges {
		made, err := gaugeOf(meter, g.instrument)
		if err != nil {
			return err
		}
		read[made] = g.read
		all = append(all, made)
	}
	registered, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for gauge, value := range read {
			o.ObserveInt64(gauge, value(), attrs)
		}
		return nil
	}, all...)
	if err != nil {
		return fmt.Errorf("observe gauges: %w", err)
	}
	m.gauges = append(m.gauges, registered)
	if registered, err = observeQueue(s, meter); registered != nil {
		m.gauges = append(m.gauges, registered)
	}
	return err
}

func gaugeOf(meter metric.Meter, i spans.Instrument) (metric.Int64ObservableGauge, error) {
	made, err := meter.Int64ObservableGauge(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Description))
	if err != nil {
		return nil, fmt.Errorf("make metric %s: %w", i.Name, err)
	}
	return made, nil
}

func (m *metrics) attempted(ctx context.Context, e attemptEnd) {
	m.attempt[e.phase][e.event].record(ctx, e.shard, e.took)
}

func (m *metrics) ended(ctx context.Context, o Outcome, shard int, took instant) {
	if m.produces {
		m.prepared[o].record(ctx, shard, took)
		return
	}
	m.process[o].record(ctx, shard, took)
}

// settled counts the transactions of a settled batch, by outcome.
func (m *metrics) settled(counts [outcomes]int64) {
	for o, n := range counts {
		if n == 0 {
			continue
		}
		m.ends[o].add(n)
		if m.produces && Outcome(o) != Interrupted {
			m.sent[o].add(n)
		}
	}
}

func (m *metrics) called(operation *calls, took instant, err error) {
	to := operation.succeeded
	if err != nil {
		to = operation.failed[ergon.CategoryOf(err)]
	}
	var untraced context.Context
	to.record(untraced, 0, took)
}

// end exports the rest and unregisters the gauges, both on the queue's goroutine, and does not wait. failed is called there with each
// error.
func (m *metrics) end(failed func(error)) {
	m.meter.end(func() {
		for _, g := range m.gauges {
			if err := g.Unregister(); err != nil {
				failed(fmt.Errorf("unregister metrics: %w", err))
			}
		}
	})
}
