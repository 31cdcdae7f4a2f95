package otelrecord

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

type meter struct {
	noop.Meter

	metering *Metering
}

func (m meter) Int64Counter(name string, options ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	c := metric.NewInt64CounterConfig(options...)
	return counter{of: m.metering.made(Metric{Name: name, Unit: c.Unit(), Description: c.Description(), Kind: Counter})}, nil
}

func (m meter) Float64Histogram(name string, options ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	c := metric.NewFloat64HistogramConfig(options...)
	return histogram{of: m.metering.made(Metric{
		Name: name, Unit: c.Unit(), Description: c.Description(), Kind: Histogram, Bounds: c.ExplicitBucketBoundaries(),
	})}, nil
}

func (m meter) Int64ObservableGauge(name string, options ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	c := metric.NewInt64ObservableGaugeConfig(options...)
	return gauge{of: m.metering.made(Metric{Name: name, Unit: c.Unit(), Description: c.Description(), Kind: Gauge})}, nil
}

func (m meter) RegisterCallback(callback metric.Callback, _ ...metric.Observable) (metric.Registration, error) {
	r := &registration{metering: m.metering, callback: callback}
	m.metering.mu.Lock()
	defer m.metering.mu.Unlock()
	m.metering.callbacks = append(m.metering.callbacks, r)
	return r, nil
}

type registration struct {
	noop.Registration

	metering *Metering
	callback metric.Callback
}

func (r *registration) Unregister() error {
	r.metering.mu.Lock()
	defer r.metering.mu.Unlock()
	r.metering.callbacks = slices.DeleteFunc(r.metering.callbacks, func(c *registration) bool { return c == r })
	return nil
}

type counter struct {
	noop.Int64Counter

	of instrument
}

func (c counter) Add(_ context.Context, n int64, options ...metric.AddOption) {
	c.of.record(metric.NewAddConfig(options).Attributes(), func(p *Point) { p.Value += n })
}

type histogram struct {
	noop.Float64Histogram

	of instrument
}

func (h histogram) Record(_ context.Context, value float64, options ...metric.RecordOption) {
	bounds := h.of.metric.Bounds
	bucket, _ := slices.BinarySearch(bounds, value)
	h.of.record(metric.NewRecordConfig(options).Attributes(), func(p *Point) {
		if p.Buckets == nil {
			p.Buckets = make([]uint64, len(bounds)+1)
		}
		p.Count++
		p.Sum += value
		p.Buckets[bucket]++
	})
}

type gauge struct {
	noop.Int64ObservableGauge

	of instrument
}

type observer struct {
	noop.Observer

	metering *Metering
}

func (observer) ObserveInt64(of metric.Int64Observable, value int64, options ...metric.ObserveOption) {
	if g, ok := of.(gauge); ok {
		g.of.record(metric.NewObserveConfig(options).Attributes(), func(p *Point) { p.Value = value })
	}
}
