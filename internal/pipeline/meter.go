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

// maxMeasured is how many measurements may wait for a MeterProvider that is not ours; the next are dropped and counted.
const maxMeasured = 16_384

// meter makes the series of a loop. What is recorded is counted by package stats. A provider that has a registry (package telemetry's)
// exports it by itself. Any other is fed by one goroutine from a bounded queue, because its instruments are foreign code [F1]:
// durations that find no room are dropped and counted, numbers are handed over later. Decision 0101.
type meter struct {
	registry *stats.Registry
	foreign  metric.Meter // nil: the provider exports the registry
	queue    *sink.Queue[measurement]
	counters []*counter // all that are fed
	errs     []error    // of making instruments

	histograms map[string]metric.Float64Histogram // of foreign, by name
	numbers    map[string]metric.Int64Counter     // likewise
}

// measurement is something that a foreign provider is to be told; one of counter, timing and last is set.
type measurement struct {
	counter *counter
	timing  *timing
	last    func()          // after all others
	ctx     context.Context //nolint:containedctx // of timing: carries the span that may be its example; nil for none
	took    instant
}

func newMeter(from metric.MeterProvider) *meter {
	m := &meter{queue: sink.NewQueue(maxMeasured, measurement.hand)}
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

func (m measurement) hand() {
	switch {
	case m.counter != nil:
		m.counter.hand()
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
	to      metric.Int64Counter // nil: nobody is fed
	options []metric.AddOption
	queued  atomic.Bool // [F1] it is in the queue: its number is handed over as it is then
	handed  int64       // of the total; the queue's goroutine's
}

// counter makes a counter. The attributes are copied.
func (m *meter) counter(i spans.Instrument, attributes ...attribute.KeyValue) *counter {
	set := attribute.NewSet(attributes...)
	c := &counter{Counter: m.registry.Counter(i, set), meter: m}
	if m.foreign == nil {
		return c
	}
	for _, other := range m.counters {
		if other.Counter == c.Counter { // whose number is to be handed over once
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
		c.tell()
	}
}

// tell has the number handed over; where there is no room, by whoever tells next.
func (c *counter) tell() {
	if c.queued.CompareAndSwap(false, true) && !c.meter.queue.Put(measurement{counter: c}) {
		c.queued.Store(false)
	}
}

// hand runs on the queue's goroutine.
func (c *counter) hand() {
	c.queued.Store(false) // before looking, so that what is added from now on is told of
	total := c.Total()
	n := total - c.handed
	c.handed = total
	if n > 0 {
		c.to.Add(context.Background(), n, c.options...)
	}
}

// timing is a histogram of durations, with its attributes.
type timing struct {
	*stats.Histogram

	queue   *sink.Queue[measurement]
	to      metric.Float64Histogram // nil: nobody is fed
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

// end has everything handed over, and then last be called on the queue's goroutine. Then the queue is to be flushed.
func (m *meter) end(last func()) {
	for _, c := range m.counters {
		c.tell()
	}
	m.queue.Put(measurement{last: last})
}
