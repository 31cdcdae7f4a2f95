package stats

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"

	"github.com/ergon-go/ergon/internal/spans"
)

// Registry holds series: an instrument's counts under one set of attributes. A series stays for good, and all that ask for the same one
// share it, so that the loops of a program add up. The zero value is ready. Safe for concurrent use.
type Registry struct {
	mu         sync.Mutex // guards all that follows; a leaf
	byKey      map[key]int
	counters   []CounterSeries
	histograms []HistogramSeries
}

// Provider is a MeterProvider that has a registry and exports it. The engine records there and calls none of its counters and histograms.
type Provider interface {
	ErgonStats() *Registry
}

// CounterSeries is a counter under one set of attributes.
type CounterSeries struct {
	*Counter

	Instrument spans.Instrument
	Attributes attribute.Set
}

// HistogramSeries is a histogram under one set of attributes.
type HistogramSeries struct {
	*Histogram

	Instrument spans.Instrument
	Attributes attribute.Set
}

// key finds a series. An instrument is of one kind, so its name is enough.
type key struct {
	name       string
	attributes attribute.Distinct
}

// Counter returns the counter of an instrument under those attributes.
func (r *Registry) Counter(i spans.Instrument, attributes attribute.Set) *Counter {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.find(i, attributes, len(r.counters))
	if !known {
		r.counters = append(r.counters, CounterSeries{Counter: &Counter{}, Instrument: i, Attributes: attributes})
	}
	return r.counters[at].Counter
}

// Histogram returns the histogram of an instrument under those attributes.
func (r *Registry) Histogram(i spans.Instrument, attributes attribute.Set) *Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.find(i, attributes, len(r.histograms))
	if !known {
		r.histograms = append(r.histograms, HistogramSeries{Histogram: NewHistogram(i.Buckets), Instrument: i, Attributes: attributes})
	}
	return r.histograms[at].Histogram
}

// find returns where a series is, or that next is where it will be.
func (r *Registry) find(i spans.Instrument, attributes attribute.Set, next int) (at int, known bool) {
	k := key{name: i.Name, attributes: attributes.Equivalent()}
	if at, known = r.byKey[k]; known {
		return at, true
	}
	if r.byKey == nil {
		r.byKey = map[key]int{}
	}
	r.byKey[k] = next
	return next, false
}

// Counters returns all counters, in the order in which they were first asked for; the slice is the caller's to read.
func (r *Registry) Counters() []CounterSeries {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.counters)
}

// Histograms returns all histograms likewise.
func (r *Registry) Histograms() []HistogramSeries {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.histograms)
}
