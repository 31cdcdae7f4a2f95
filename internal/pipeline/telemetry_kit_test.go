package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// instruments record what a loop says by spans and metrics.
type instruments struct {
	begin  time.Time
	spans  *tracetest.InMemoryExporter
	traces *sdktrace.TracerProvider
	reader *metric.ManualReader
	meters *metric.MeterProvider
}

// instrument has the rig's loop report to instruments of its own.
func (r *rig) instrument() *instruments {
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	i := &instruments{
		begin: time.Now(), spans: spans, traces: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		reader: reader, meters: metric.NewMeterProvider(metric.WithReader(reader)),
	}
	r.TracerProvider, r.MeterProvider = i.traces, i.meters
	return i
}

// ended returns the spans that have ended, the earliest start first; of those that started together, by name.
func (i *instruments) ended() tracetest.SpanStubs {
	all := i.spans.GetSpans()
	slices.SortFunc(all, func(a, b tracetest.SpanStub) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name), a.EndTime.Compare(b.EndTime))
	})
	return all
}

// named returns the spans of a name.
func (i *instruments) named(name string) tracetest.SpanStubs {
	return slices.DeleteFunc(i.ended(), func(s tracetest.SpanStub) bool { return s.Name != name })
}

// collect returns the metrics as they are now, by name.
func (i *instruments) collect(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var read metricdata.ResourceMetrics
	if err := i.reader.Collect(context.WithoutCancel(t.Context()), &read); err != nil {
		t.Fatalf("collecting metrics: %v", err)
	}
	metrics := map[string]metricdata.Metrics{}
	for _, scope := range read.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
		}
	}
	return metrics
}

// valueOf returns an attribute of a span; "" where it has none.
func valueOf(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if a.Key == attribute.Key(key) {
			return a.Value.String()
		}
	}
	return ""
}

// labels are what spans are called in golden files: the name, the transaction that they are about, and a number where
// that is not enough.
func labels(all tracetest.SpanStubs) map[trace.SpanID]string {
	ids := map[trace.SpanID]string{}
	for _, s := range all {
		if id := valueOf(s, "messaging.message.id"); id != "" {
			ids[s.SpanContext.SpanID()] = id
		}
	}
	labels, count := map[trace.SpanID]string{}, newTally()
	for _, s := range all {
		id, label := s.SpanContext.SpanID(), s.Name
		if of := cmp.Or(ids[id], ids[s.Parent.SpanID()]); of != "" {
			label += " [" + of + "]"
		}
		labels[id] = label
		count.add(label)
	}
	numbers := newTally()
	for _, s := range all {
		id := s.SpanContext.SpanID()
		if label := labels[id]; count.n[label] > 1 {
			labels[id] = fmt.Sprintf("%s #%d", label, numbers.add(label))
		}
	}
	return labels
}

// texts renders attributes, sorted.
func texts(attributes []attribute.KeyValue) []string {
	texts := make([]string, len(attributes))
	for i, a := range attributes {
		texts[i] = fmt.Sprintf("%s=%s", a.Key, a.Value.String())
	}
	slices.Sort(texts)
	return texts
}

// setText renders the attributes of a data point.
func setText(set attribute.Set) string { return strings.Join(texts(set.ToSlice()), " ") }
