package otelrecord

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Metering is a provider of meters that records counters, histograms and observable gauges of the kinds that the engine uses.
// Instruments of other kinds record nothing.
type Metering struct {
	noop.MeterProvider

	mu        sync.Mutex
	metrics   map[string]*Metric
	callbacks []*registration
}

// Metric is what an instrument recorded since it was made; of a gauge, what it observed at the last collection.
type Metric struct {
	Name, Unit, Description string
	Kind                    Kind
	// Bounds are the upper bounds of a histogram's buckets, inclusive.
	Bounds []float64
	Points []Point
}

// Kind is the kind of an instrument.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Point is what was recorded with a set of attributes.
type Point struct {
	Attributes attribute.Set
	// Value is the sum of a counter, or the value of a gauge.
	Value int64
	// Count, Sum and Buckets are of a histogram. The last bucket is what is above all bounds.
	Count   uint64
	Sum     float64
	Buckets []uint64
}

// Meter returns a meter. Its name is not recorded.
func (m *Metering) Meter(string, ...metric.MeterOption) metric.Meter { return meter{metering: m} }

// Collect calls the callbacks of the gauges and returns the metrics that have points, by name. They are complete apart from the
// gauges whose callback is in the error.
func (m *Metering) Collect(ctx context.Context) (map[string]Metric, error) {
	m.mu.Lock()
	callbacks := slices.Clone(m.callbacks)
	for _, metric := range m.metrics {
		if metric.Kind == Gauge {
			metric.Points = nil
		}
	}
	m.mu.Unlock()
	var errs []error
	for _, c := range callbacks {
		errs = append(errs, c.callback(ctx, observer{metering: m}))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]Metric{}
	for name, metric := range m.metrics {
		if len(metric.Points) > 0 {
			found[name] = metric.clone()
		}
	}
	return found, errors.Join(errs...)
}

func (m Metric) clone() Metric {
	m.Points = slices.Clone(m.Points)
	for i := range m.Points {
		m.Points[i].Buckets = slices.Clone(m.Points[i].Buckets)
	}
	return m
}

// made returns the metric of an instrument. Two instruments of one name share it.
func (m *Metering) made(like Metric) instrument {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.metrics == nil {
		m.metrics = map[string]*Metric{}
	}
	if m.metrics[like.Name] == nil {
		m.metrics[like.Name] = &like
	}
	return instrument{metering: m, metric: m.metrics[like.Name]}
}

// instrument records the points of a metric.
type instrument struct {
	metering *Metering
	metric   *Metric
}

func (i instrument) record(attributes attribute.Set, change func(*Point)) {
	i.metering.mu.Lock()
	defer i.metering.mu.Unlock()
	at := slices.IndexFunc(i.metric.Points, func(p Point) bool { return p.Attributes.Equals(&attributes) })
	if at < 0 {
		at = len(i.metric.Points)
		i.metric.Points = append(i.metric.Points, Point{Attributes: attributes})
	}
	change(&i.metric.Points[at])
}
