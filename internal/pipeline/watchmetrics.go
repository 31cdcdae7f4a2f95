package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// events is how many results an attempt can have.
const events = int(lifecycle.LeaseLost) + 1

// calls is how the calls of an operation are recorded: those that succeeded, and those that failed, by category.
type calls struct {
	succeeded []metric.RecordOption
	failed    [3][]metric.RecordOption
}

// metrics are the instruments of a loop. The attribute sets are made beforehand, so that recording allocates nothing.
type metrics struct {
	process   metric.Float64Histogram
	operation metric.Float64Histogram
	attempts  metric.Float64Histogram
	messages  metric.Int64Counter
	ends      metric.Int64Counter
	lates     metric.Int64Counter
	sends     metric.Int64Counter
	produces  bool
	gauges    metric.Registration
	queue     metric.Registration // nil where the source is no queue that can be looked into

	base     []metric.AddOption
	outcome  [outcomes][]metric.AddOption
	duration [outcomes][]metric.RecordOption
	attempt  [lifecycle.Phases][events][]metric.RecordOption
	prepared [outcomes][]metric.RecordOption
	sent     [outcomes][]metric.AddOption
	received []metric.AddOption
	receive  calls
	settle   calls
}

func newMetrics(c *Consumer, meter metric.Meter) (*metrics, error) {
	m := &metrics{}
	var errs [7]error
	m.process, errs[0] = histogramOf(meter, spans.ProcessDuration)
	m.operation, errs[1] = histogramOf(meter, spans.OperationDuration)
	m.attempts, errs[2] = histogramOf(meter, spans.AttemptDuration)
	m.messages, errs[3] = counterOf(meter, spans.ConsumedMessages)
	m.ends, errs[4] = counterOf(meter, spans.Transactions)
	m.lates, errs[5] = counterOf(meter, spans.LateResults)
	m.sends, errs[6] = counterOf(meter, spans.SentMessages)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make the metrics of task %q: %w", c.settings.Task, err)
	}
	m.prepare(c)
	return m, errors.Join(m.observe(c, meter), m.observeQueue(c, meter))
}

func histogramOf(meter metric.Meter, i spans.Instrument) (metric.Float64Histogram, error) {
	return meter.Float64Histogram(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Description),
		metric.WithExplicitBucketBoundaries(i.Buckets...))
}

func counterOf(meter metric.Meter, i spans.Instrument) (metric.Int64Counter, error) {
	return meter.Int64Counter(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Description))
}

// everywhere are the attributes of all metrics of a task.
func (s Settings) everywhere() []attribute.KeyValue {
	return []attribute.KeyValue{spans.MessagingSystem.String(spans.SystemName), spans.Task.String(s.Task)}
}

// common are those of what has to do with its source, where it has one.
func (s Settings) common() []attribute.KeyValue {
	if s.produces {
		return s.everywhere()
	}
	return append(s.everywhere(), spans.MessagingSource.String(s.Policy.Fetch.Connector))
}

func (m *metrics) prepare(c *Consumer) {
	everywhere, common := c.settings.everywhere(), c.settings.common()
	set := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(append(more, common...)...))
	}
	m.base = []metric.AddOption{set()}
	m.received = []metric.AddOption{set(spans.MessagingOperation.String("receive"))}
	for o := range outcomes {
		name := spans.Outcome.String(Outcome(o).String())
		m.outcome[o] = []metric.AddOption{set(name)}
		m.duration[o] = []metric.RecordOption{set(append(errorOf(Outcome(o)), name, spans.MessagingOperation.String("process"))...)}
		prepare := append(slices.Clone(everywhere), spans.MessagingOperation.String("prepare"))
		m.prepared[o] = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(append(slices.Clone(prepare), name)...))}
		m.sent[o] = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(append(errorOf(Outcome(o)), prepare...)...))}
	}
	for p := range m.attempt {
		for e := range events {
			phase := spans.PhaseKey.String(string(c.phaseOf(lifecycle.Phase(p))))
			m.attempt[p][e] = []metric.RecordOption{set(phase, spans.Result.String(lifecycle.Event(e).String()))}
		}
	}
	m.produces = c.settings.produces
	for name, operation := range map[string]*calls{"receive": &m.receive, "settle": &m.settle} {
		key := spans.MessagingOperation.String(name)
		operation.succeeded = []metric.RecordOption{set(key)}
		for _, category := range []ergon.Category{ergon.CategorySystem, ergon.CategoryBusiness, ergon.CategoryTimeout} {
			operation.failed[category] = []metric.RecordOption{set(key, spans.ErrorType.String(category.String()))}
		}
	}
}

// errorOf is what the conventions want said of a message that was not sent or not processed. One that was cut short, or that
// the source took back, has not failed.
func errorOf(o Outcome) []attribute.KeyValue {
	if o == Succeeded || o == Interrupted || o == Redelivered {
		return nil
	}
	return []attribute.KeyValue{spans.ErrorType.String(o.String())}
}

// observe registers what is read when metrics are collected.
func (m *metrics) observe(c *Consumer, meter metric.Meter) error {
	attrs := metric.WithAttributeSet(attribute.NewSet(
		spans.Task.String(c.settings.Task), spans.Worker.String(c.settings.Worker)))
	read := map[metric.Int64Observable]func() int64{}
	var all []metric.Observable
	for _, g := range []struct {
		instrument spans.Instrument
		read       func() int64
	}{
		{spans.InFlight, func() int64 { return int64(c.stats.outstanding()) }},
		{spans.Waiting, func() int64 { return int64(c.waiting.count.Load()) }},
		{spans.OrderHeld, c.order.count.Load},
		{spans.Abandoned, c.stats.abandoned.Load},
		{spans.ConcurrencyLimit, func() int64 { return int64(c.pool.limit.Load()) }},
		{spans.Outage, func() int64 { return map[bool]int64{true: 1}[c.outage.lasts()] }},
	} {
		gauge, err := meter.Int64ObservableGauge(g.instrument.Name,
			metric.WithUnit(g.instrument.Unit), metric.WithDescription(g.instrument.Description))
		if err != nil {
			return fmt.Errorf("make metric %s: %w", g.instrument.Name, err)
		}
		read[gauge] = g.read
		all = append(all, gauge)
	}
	var err error
	m.gauges, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for gauge, value := range read {
			o.ObserveInt64(gauge, value(), attrs)
		}
		return nil
	}, all...)
	if err != nil {
		return fmt.Errorf("observe the metrics of task %q: %w", c.settings.Task, err)
	}
	return nil
}

func (m *metrics) consumed(ctx context.Context, n int) { m.messages.Add(ctx, int64(n), m.received...) }

func (m *metrics) attempted(ctx context.Context, a *handlerAttempt, event lifecycle.Event, took instant) {
	m.attempts.Record(ctx, seconds(took), m.attempt[a.mark().phase()][event]...)
}

func (m *metrics) ended(ctx context.Context, o Outcome, took instant) {
	if m.produces {
		m.operation.Record(ctx, seconds(took), m.prepared[o]...)
		return
	}
	m.process.Record(ctx, seconds(took), m.duration[o]...)
}

func (m *metrics) settled(ctx context.Context, batch []*flight) {
	var counts [outcomes]int64
	for _, f := range batch {
		counts[f.verdict.outcome]++
	}
	for o, n := range counts {
		if n > 0 {
			m.ends.Add(ctx, n, m.outcome[o]...)
			if m.produces && Outcome(o) != Interrupted {
				m.sends.Add(ctx, n, m.sent[o]...)
			}
		}
	}
}

func (m *metrics) called(ctx context.Context, operation *calls, took instant, err error) {
	options := operation.succeeded
	if err != nil {
		options = operation.failed[ergon.CategoryOf(err)]
	}
	m.operation.Record(ctx, seconds(took), options...)
}

func (m *metrics) close() error {
	var errs []error
	for _, registered := range []metric.Registration{m.gauges, m.queue} {
		if registered != nil {
			errs = append(errs, registered.Unregister())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("unregister metrics: %w", err)
	}
	return nil
}

func seconds(i instant) float64 { return time.Duration(i).Seconds() }
