package otelrecord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/otelrecord"
)

var errBoom = errors.New("boom")

func TestSpanIsRecordedAsItWasAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tracing otelrecord.Tracing
		ctx, outer := tracing.Tracer("test").Start(t.Context(), "outer")
		_, inner := tracing.Tracer("test").Start(ctx, "inner", trace.WithAttributes(attribute.Int("n", 1), attribute.Bool("b", true)))
		time.Sleep(time.Second)
		inner.SetAttributes(attribute.Int("n", 2))
		inner.RecordError(errBoom, trace.WithAttributes(attribute.String("first", "x")))
		inner.SetStatus(codes.Error, "broken")
		inner.SetStatus(codes.Unset, "ignored")
		inner.End()
		inner.SetAttributes(attribute.Int("n", 3))
		inner.End()
		if inner.IsRecording() || !outer.IsRecording() || len(tracing.Ended()) != 1 {
			t.Fatalf("got %v, want that the inner span alone has ended", tracing.Ended())
		}
		s := tracing.Ended()[0]
		if s.Name != "inner" || s.EndTime.Sub(s.StartTime) != time.Second || s.SpanKind != trace.SpanKindInternal {
			t.Errorf("got %+v", s)
		}
		if !s.Parent.Equal(outer.SpanContext()) || s.SpanContext.TraceID() != outer.SpanContext().TraceID() {
			t.Errorf("got parent %v, want the outer span", s.Parent)
		}
		if s.Attribute("n") != "2" || s.Attribute("b") != "true" || s.Attribute("none") != "" || len(s.Attributes) != 2 {
			t.Errorf("got attributes %v", s.Attributes)
		}
		if s.Status != (otelrecord.Status{Code: codes.Error, Description: "broken"}) {
			t.Errorf("got status %v", s.Status)
		}
		var keys []attribute.Key
		for _, a := range s.Events[0].Attributes {
			keys = append(keys, a.Key)
		}
		if !cmp.Equal(keys, []attribute.Key{"first", "exception.type", "exception.message"}) || s.Events[0].Name != "exception" {
			t.Errorf("got event %v", s.Events[0])
		}
	})
}

// Sampling, trace state and roots are as with the SDK's default sampler.
func TestSpanFollowsItsParent(t *testing.T) {
	var tracing otelrecord.Tracing
	state, err := trace.ParseTraceState("vendor=x")
	if err != nil {
		t.Fatal(err)
	}
	parent := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state, Remote: true}
	start := func(flags trace.TraceFlags, options ...trace.SpanStartOption) trace.Span {
		parent.TraceFlags = flags
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(parent))
		_, span := tracing.Tracer("test").Start(ctx, "span", options...)
		return span
	}
	sampled, unsampled, root := start(trace.FlagsSampled), start(0), start(0, trace.WithNewRoot())
	if got := sampled.SpanContext(); got.TraceID() != parent.TraceID || got.TraceState().Get("vendor") != "x" ||
		!got.IsSampled() || got.IsRemote() {
		t.Errorf("got %v, want the trace and the state of the parent", got)
	}
	if got := root.SpanContext(); got.TraceID() == parent.TraceID || got.TraceState().Len() > 0 || !got.IsSampled() {
		t.Errorf("got %v, want a root", got)
	}
	if unsampled.IsRecording() || unsampled.SpanContext().IsSampled() {
		t.Error("a span below an unsampled one is recorded")
	}
	for _, span := range []trace.Span{sampled, unsampled, root} {
		span.End()
	}
	if got := len(tracing.Ended()); got != 2 {
		t.Errorf("%d spans were recorded, want 2", got)
	}
}

func TestMetricsAreCollectedByAttributes(t *testing.T) {
	var metering otelrecord.Metering
	meter := metering.Meter("test")
	counter, err := meter.Int64Counter("counter", metric.WithUnit("{call}"), metric.WithDescription("Calls."))
	if err != nil {
		t.Fatal(err)
	}
	histogram, err := meter.Float64Histogram("histogram", metric.WithExplicitBucketBoundaries(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	gauge, err := meter.Int64ObservableGauge("gauge")
	if err != nil {
		t.Fatal(err)
	}
	registered, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(gauge, 7)
		return errBoom
	}, gauge)
	if err != nil {
		t.Fatal(err)
	}
	a, b := metric.WithAttributes(attribute.String("k", "a")), metric.WithAttributes(attribute.String("k", "b"))
	counter.Add(t.Context(), 1, a)
	counter.Add(t.Context(), 2, b)
	counter.Add(t.Context(), 3, a)
	for _, value := range []float64{0.5, 1, 1.5, 3} {
		histogram.Record(t.Context(), value)
	}
	got, err := metering.Collect(t.Context())
	if !errors.Is(err, errBoom) {
		t.Errorf("got %v, want the error of the callback", err)
	}
	if c := got["counter"]; c.Kind != otelrecord.Counter || c.Unit != "{call}" || c.Description != "Calls." || len(c.Points) != 2 ||
		c.Points[0].Value != 4 || c.Points[1].Value != 2 {
		t.Errorf("got counter %+v", c)
	}
	if h := got["histogram"].Points; len(h) != 1 || h[0].Count != 4 || h[0].Sum != 6 || !cmp.Equal(h[0].Buckets, []uint64{2, 1, 1}) {
		t.Errorf("got histogram %+v", h)
	}
	if g := got["gauge"].Points; len(g) != 1 || g[0].Value != 7 {
		t.Errorf("got gauge %+v", g)
	}
	if err := registered.Unregister(); err != nil {
		t.Fatal(err)
	}
	if got, err := metering.Collect(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("got %v and %v, want no gauge any more", got, err)
	}
}
