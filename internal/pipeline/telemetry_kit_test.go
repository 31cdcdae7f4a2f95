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
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/otelrecord"
)

// instruments record what a loop says by spans and metrics.
type instruments struct {
	begin  time.Time
	traces *otelrecord.Tracing
	meters *otelrecord.Metering
}

// instrument has the rig's loop report to instruments of its own.
func (r *rig) instrument() *instruments {
	i := &instruments{begin: time.Now(), traces: &otelrecord.Tracing{}, meters: &otelrecord.Metering{}}
	r.TracerProvider, r.MeterProvider = i.traces, i.meters
	return i
}

// ended returns the spans that have ended, the earliest start first; of those that started together, by name.
func (i *instruments) ended() []otelrecord.Span {
	all := i.traces.Ended()
	slices.SortFunc(all, func(a, b otelrecord.Span) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name), a.EndTime.Compare(b.EndTime))
	})
	return all
}

// named returns the spans of a name.
func (i *instruments) named(name string) []otelrecord.Span {
	return slices.DeleteFunc(i.ended(), func(s otelrecord.Span) bool { return s.Name != name })
}

// collect returns the metrics as they are now, by name.
func (i *instruments) collect(t testing.TB) map[string]otelrecord.Metric {
	t.Helper()
	metrics, err := i.meters.Collect(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatalf("collecting metrics: %v", err)
	}
	return metrics
}

// valueOf returns an attribute of a span; "" if it has none.
func valueOf(s otelrecord.Span, key attribute.Key) string { return s.Attribute(key) }

// labels are what spans are called in golden files: the name, the transaction that they are about, and a number where
// that is not enough.
func labels(all []otelrecord.Span) map[trace.SpanID]string {
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
