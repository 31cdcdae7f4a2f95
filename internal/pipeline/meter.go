package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/stats"
)

// maxMeasured is the maximum number of measurements that wait for a foreign MeterProvider; the next are dropped and counted.
const maxMeasured = 16_384

// meter makes the series of a loop. Package stats counts what is recorded. A provider with a registry (package telemetry's) exports that.
// Any other is foreign code [F1]: one goroutine feeds it from a bounded queue. If that is full, durations are dropped and counted, and
// numbers are exported later. Decision 0101.
type meter struct {
	registry *stats.Registry
	foreign  metric.Meter // nil: the provider exports the registry
	queue    *sink.Queue[measurement]
	counters []*counter // that are exported
	errs     []error    // why instruments could not be made

	histograms map[string]metric.Float64Histogram // of foreign, by name
	numbers    map[string]metric.Int64Counter     // likewise
}

// measurement is an item of the queue to a foreign provider. One of counter, timing and last is set.
type measurement struct {
	counter *counter
	timing  *timing
	last    func()          // called after all others
	ctx     context.Context //nolint:containedctx // of timing: carries the span that may be its example; nil for none
	took    instant
}

func newMeter(from metric.MeterProvider) *meter {
	m := &meter{queue: sink.NewQueue(maxMeasured, measurement.export)}
	if own, ok := from.(stats.Provider); ok {
		m.registry = own.ErgonStats()
		return m
	}
	m.registry, m.foreign = &stats.Registry{}, from.Meter(spans.InstrumentationName)
	m.histograms, m.numbers = map[string]metric.Float64Histogram{}, map[string]metric.Int64Counter{}
	return m
}

// err is why instruments could not be made.
func (m *meter) err() error { return errors.Join(m.errs...) }

func (m measurement) export() {
	switch {
	case m.counter != nil:
		m.counter.export()
	case m.timing != nil:
		ctx := m.ctx
		if ctx == nil {
			ctx = context.Background()
		}
		m.timing.to.Record(ctx, time.Duration(m.took).Seconds(), m.timing.options...)
	case m.last != nil:
		m.last()
	}
}

// counter is a number that grows, with its attributes.
type counter struct {
	*stats.Counter

	meter   *meter
	to      metric.Int64Counter // nil: nothing is exported
	options []metric.AddOption
	queued  atomic.Bool // [F1] it is in the queue
	done    int64       // of the total, exported; the queue's goroutine owns it
}

// counter makes a counter. The attributes are copied.
func (m *meter) counter(i spans.Instrument, attributes ...attribute.KeyValue) *counter {
	set := attribute.NewSet(attributes...)
	c := &counter{Counter: m.registry.Counter(i, set), meter: m}
	if m.foreign == nil {
		return c
	}
	for _, other := range m.counters {
		if other.Counter == c.Counter { // its number is exported once
			return other
		}
	}
	if m.numbers[i.Name] == nil {
		made, err := m.foreign.Int64Counter(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Description))
		if err != nil {
			m.errs = append(m.errs, fmt.Errorf("make metric %s: %w", i.Name, err))
			return c
		}
		m.numbers[i.Name] = made
	}
	c.to, c.options = m.numbers[i.Name], []metric.AddOption{metric.WithAttributeSet(set)}
	m.counters = append(m.counters, c)
	return c
}

func (c *counter) add(n int64) {
	c.Add(n)
	if c.to != nil {
		c.enqueue()
	}
}

// enqueue lets the number be exported. If the queue is full, the next call does.
func (c *counter) enqueue() {
	if c.queued.CompareAndSwap(false, true) && !c.meter.queue.Put(measurement{counter: c}) {
		c.queued.Store(false)
	}
}

// export runs on the queue's goroutine.
func (c *counter) export() {
	c.queued.Store(false) // before looking, so that what is added from now on enqueues it again
	total := c.Total()
	n := total - c.done
	c.done = total
	if n > 0 {
		c.to.Add(context.Background(), n, c.options...)
	}
}

// timing is a histogram of durations, with its attributes.
type timing struct {
	*stats.Histogram

	queue   *sink.Queue[measurement]
	to      metric.Float64Histogram // nil: nothing is exported
	options []metric.RecordOption
}

// timing makes a histogram. The attributes are copied.
func (m *meter) timing(i spans.Instrument, attributes ...attribute.KeyValue) *timing {
	set := attribute.NewSet(attributes...)
	t := &timing{Histogram: m.registry.Histogram(i, set), queue: m.queue}
	if m.foreign == nil {
		return t
	}
	if m.histograms[i.Name] == nil {
		made, err := m.foreign.Float64Histogram(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Description),
			metric.WithExplicitBucketBoundaries(i.Buckets...))
		if err != nil {
			m.errs = append(m.errs, fmt.Errorf("make metric %s: %w", i.Name, err))
			return t
		}
		m.histograms[i.Name] = made
	}
	t.to, t.options = m.histograms[i.Name], []metric.RecordOption{metric.WithAttributeSet(set)}
	return t
}

// record counts a duration. ctx carries the span that may be its example; nil where nothing traces.
func (t *timing) record(ctx context.Context, shard int, took instant) {
	if t.to != nil {
		t.queue.Put(measurement{timing: t, ctx: ctx, took: took})
		return
	}
	t.Record(shard, time.Duration(took))
	if ctx == nil {
		return
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		t.Exemplify(stats.Exemplar{At: time.Now(), Value: time.Duration(took), TraceID: span.TraceID(), SpanID: span.SpanID()})
	}
}

// end enqueues everything, and then a call of last on the queue's goroutine. The caller flushes the queue.
func (m *meter) end(last func()) {
	for _, c := range m.counters {
		c.enqueue()
	}
	m.queue.Put(measurement{last: last})
}
