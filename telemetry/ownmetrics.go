package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/stats"
)

// ownMetrics is a MeterProvider for which the engine counts by itself: to record calls no instrument [F1]. Each reader gets the counts
// by a producer of its own. Gauges, and what others record, take the way through the SDK. Decision 0102.
type ownMetrics struct {
	metric.MeterProvider

	registry *stats.Registry
}

var _ stats.Provider = ownMetrics{}

// ErgonStats returns the counters of the engine.
func (m ownMetrics) ErgonStats() *stats.Registry { return m.registry }

// producer hands the engine's counts to one reader. Safe for concurrent use.
type producer struct {
	registry    *stats.Registry
	temporality sdkmetric.TemporalitySelector

	mu         sync.Mutex // guards what follows; a leaf
	since      time.Time  // of the last reading; before the first, when it was made
	made       time.Time
	counters   []int64              // at the last reading, as the registry has them
	histograms []stats.Distribution // likewise
}

func newProducer(registry *stats.Registry, temporality sdkmetric.TemporalitySelector) *producer {
	now := time.Now()
	return &producer{registry: registry, temporality: temporality, since: now, made: now}
}

// Produce returns the counts since the last reading, or since the provider was made. The reader decides which. It never fails.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	all := append(p.sums(now), p.distributions(now)...)
	p.since = now
	if len(all) == 0 {
		return nil, nil
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: spans.InstrumentationName}, Metrics: all}}, nil
}

// start is since when values of that kind are counted.
func (p *producer) start(kind sdkmetric.InstrumentKind) (temporality metricdata.Temporality, start time.Time) {
	if temporality = p.temporality(kind); temporality == metricdata.DeltaTemporality {
		return temporality, p.since
	}
	return metricdata.CumulativeTemporality, p.made
}

func (p *producer) sums(now time.Time) []metricdata.Metrics {
	temporality, start := p.start(sdkmetric.InstrumentKindCounter)
	var all grouped[metricdata.DataPoint[int64]]
	for i, s := range p.registry.Counters() {
		if i == len(p.counters) {
			p.counters = append(p.counters, 0)
		}
		value := s.Total()
		before := p.counters[i]
		p.counters[i] = value
		if temporality == metricdata.DeltaTemporality {
			value -= before
		}
		if value > 0 {
			all.add(s.Instrument, metricdata.DataPoint[int64]{Attributes: s.Attributes, StartTime: start, Time: now, Value: value})
		}
	}
	return all.metrics(func(points []metricdata.DataPoint[int64]) metricdata.Aggregation {
		return metricdata.Sum[int64]{DataPoints: points, Temporality: temporality, IsMonotonic: true}
	})
}

func (p *producer) distributions(now time.Time) []metricdata.Metrics {
	temporality, start := p.start(sdkmetric.InstrumentKindHistogram)
	var all grouped[metricdata.HistogramDataPoint[float64]]
	for i, s := range p.registry.Histograms() {
		if i == len(p.histograms) {
			p.histograms = append(p.histograms, stats.Distribution{Buckets: make([]int64, len(s.Instrument.Buckets)+1)})
		}
		read := s.Read()
		before := p.histograms[i]
		p.histograms[i] = read
		point := metricdata.HistogramDataPoint[float64]{
			Attributes: s.Attributes, StartTime: start, Time: now, Bounds: s.Instrument.Buckets,
		}
		if temporality == metricdata.DeltaTemporality {
			read = since(read, before, start)
		} else {
			point.Min, point.Max = metricdata.NewExtrema(read.Min.Seconds()), metricdata.NewExtrema(read.Max.Seconds())
		}
		if read.Count == 0 {
			continue
		}
		fill(&point, read)
		all.add(s.Instrument, point)
	}
	return all.metrics(func(points []metricdata.HistogramDataPoint[float64]) metricdata.Aggregation {
		return metricdata.Histogram[float64]{DataPoints: points, Temporality: temporality}
	})
}

// since is what was recorded between two readings. The shortest and the longest are not known for a part of the time.
func since(now, before stats.Distribution, start time.Time) stats.Distribution {
	d := stats.Distribution{Count: now.Count - before.Count, Sum: now.Sum - before.Sum, Buckets: slices.Clone(now.Buckets)}
	for i := range d.Buckets {
		d.Buckets[i] -= before.Buckets[i]
	}
	for _, e := range now.Exemplars {
		if !e.At.Before(start) {
			d.Exemplars = append(d.Exemplars, e)
		}
	}
	return d
}

func fill(point *metricdata.HistogramDataPoint[float64], d stats.Distribution) {
	point.Count, point.Sum = uint64(d.Count), d.Sum.Seconds()
	point.BucketCounts = make([]uint64, len(d.Buckets))
	for i, n := range d.Buckets {
		point.BucketCounts[i] = uint64(n)
	}
	for _, e := range d.Exemplars {
		point.Exemplars = append(point.Exemplars, metricdata.Exemplar[float64]{
			Time: e.At, Value: e.Value.Seconds(), TraceID: e.TraceID[:], SpanID: e.SpanID[:],
		})
	}
}

// grouped are the points of several instruments, each instrument at the place of its first point.
type grouped[P any] struct {
	instruments []spans.Instrument
	points      [][]P
}

func (g *grouped[P]) add(i spans.Instrument, point P) {
	at := slices.IndexFunc(g.instruments, func(other spans.Instrument) bool { return other.Name == i.Name })
	if at < 0 {
		at = len(g.instruments)
		g.instruments, g.points = append(g.instruments, i), append(g.points, nil)
	}
	g.points[at] = append(g.points[at], point)
}

func (g *grouped[P]) metrics(of func([]P) metricdata.Aggregation) []metricdata.Metrics {
	all := make([]metricdata.Metrics, len(g.instruments))
	for i, named := range g.instruments {
		all[i] = metricdata.Metrics{Name: named.Name, Description: named.Description, Unit: named.Unit, Data: of(g.points[i])}
	}
	return all
}
