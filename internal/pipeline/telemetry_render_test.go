package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/otelrecord"
)

// renderSpans writes all spans down: what a backend shows, without ids that are drawn at random.
func (i *instruments) renderSpans() string {
	all := i.ended()
	labels := labels(all)
	called := func(s trace.SpanContext) string {
		if label, ok := labels[s.SpanID()]; ok {
			return label
		}
		return "span " + s.SpanID().String() + " of trace " + s.TraceID().String()
	}
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%s: %s, from %s for %s\n",
			labels[s.SpanContext.SpanID()], s.SpanKind, s.StartTime.Sub(i.begin), s.EndTime.Sub(s.StartTime))
		if s.Parent.IsValid() {
			fmt.Fprintf(&b, "  below %s\n", called(s.Parent))
		}
		for _, link := range s.Links {
			fmt.Fprintf(&b, "  linked to %s\n", called(link.SpanContext))
		}
		renderResult(&b, s)
	}
	return b.String()
}

func renderResult(b *strings.Builder, s otelrecord.Span) {
	if s.Status.Code != codes.Unset {
		fmt.Fprintf(b, "  %s %q\n", s.Status.Code, s.Status.Description)
	}
	for _, e := range s.Events {
		keys := make([]string, len(e.Attributes))
		for i, a := range e.Attributes {
			keys[i] = string(a.Key)
		}
		fmt.Fprintf(b, "  event %s with %s\n", e.Name, strings.Join(keys, " "))
	}
	for _, text := range texts(s.Attributes) {
		fmt.Fprintf(b, "  %s\n", text)
	}
}

// renderMetrics writes all metrics down.
func renderMetrics(t testing.TB, metrics map[string]otelrecord.Metric) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		m := metrics[name]
		fmt.Fprintf(&b, "%s: %s, in %s: %s\n", name, kindOf(m), m.Unit, m.Description)
		for _, line := range pointsOf(m) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

func kindOf(m otelrecord.Metric) string {
	if m.Kind == otelrecord.Histogram {
		return fmt.Sprintf("histogram up to %v", m.Bounds)
	}
	return string(m.Kind)
}

// pointsOf renders data points, sorted.
func pointsOf(m otelrecord.Metric) []string {
	var lines []string
	for _, p := range m.Points {
		if m.Kind != otelrecord.Histogram {
			lines = append(lines, fmt.Sprintf("%s: %d", setText(p.Attributes), p.Value))
			continue
		}
		sum := time.Duration(p.Sum * float64(time.Second)).Round(time.Microsecond)
		lines = append(lines, fmt.Sprintf("%s: %d, together %s, %s", setText(p.Attributes), p.Count, sum, buckets(m.Bounds, p.Buckets)))
	}
	slices.Sort(lines)
	return lines
}

// buckets renders those that are not empty.
func buckets(bounds []float64, counts []uint64) string {
	var full []string
	for i, n := range counts {
		if n == 0 {
			continue
		}
		upper := "more"
		if i < len(bounds) {
			upper = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		full = append(full, fmt.Sprintf("≤%s: %d", upper, n))
	}
	return strings.Join(full, ", ")
}
