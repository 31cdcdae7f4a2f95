package telemetry_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	apimetric "go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/stats"
	"github.com/ergon-go/ergon/telemetry"
)

// twice records everything with our own counters and with instruments of the SDK.
type twice struct {
	registry  *stats.Registry
	own, sdk  *sdkmetric.ManualReader
	durations apimetric.Float64Histogram
	numbers   apimetric.Int64Counter
}

func newTwice(t *testing.T, temporality metricdata.Temporality) *twice {
	t.Helper()
	selector := func(sdkmetric.InstrumentKind) metricdata.Temporality { return temporality }
	w := &twice{registry: &stats.Registry{}, sdk: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(selector))}
	w.own = sdkmetric.NewManualReader(sdkmetric.WithProducer(telemetry.NewProducer(w.registry, selector)))
	sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.own))
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.sdk)).Meter(spans.InstrumentationName)
	var err error
	d, n := spans.AttemptDuration, spans.Transactions
	if w.numbers, err = meter.Int64Counter(n.Name, apimetric.WithUnit(n.Unit), apimetric.WithDescription(n.Description)); err != nil {
		t.Fatal(err)
	}
	if w.durations, err = meter.Float64Histogram(d.Name, apimetric.WithUnit(d.Unit), apimetric.WithDescription(d.Description),
		apimetric.WithExplicitBucketBoundaries(d.Buckets...)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *twice) record(ctx context.Context, set attribute.Set, took time.Duration, n int64) {
	w.registry.Counter(spans.Transactions, set).Add(n)
	w.registry.Histogram(spans.AttemptDuration, set).Record(rand.Int(), took)
	w.numbers.Add(ctx, n, apimetric.WithAttributeSet(set))
	w.durations.Record(ctx, took.Seconds(), apimetric.WithAttributeSet(set))
}

func read(t *testing.T, from *sdkmetric.ManualReader) metricdata.ScopeMetrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := from.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.ScopeMetrics) == 0 {
		return metricdata.ScopeMetrics{}
	}
	return all.ScopeMetrics[0]
}

// [O1] What our own counters export is what the SDK would, whatever the temporality, reading by reading.
func TestOwnMetricsAreWhatTheSDKWouldExport(t *testing.T) {
	const readings, records = 5, 300
	for _, temporality := range []metricdata.Temporality{metricdata.CumulativeTemporality, metricdata.DeltaTemporality} {
		t.Run(temporality.String(), func(t *testing.T) {
			w := newTwice(t, temporality)
			for reading := range readings {
				for i := range records {
					set := attribute.NewSet(attribute.Int("of", (i+reading)%7), attribute.Bool("only", reading == 1)) // some end, some begin late
					w.record(t.Context(), set, time.Duration(rand.IntN(5000))*(time.Second/64), int64(1+i%3))         // which a float64 holds exactly
				}
				own, sdk := read(t, w.own), read(t, w.sdk)
				withoutExtremesOfDelta(sdk)
				metricdatatest.AssertEqual(t, sdk, own, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
				if len(own.Metrics) != 2 {
					t.Errorf("reading %d has %d metrics, want 2", reading, len(own.Metrics))
				}
			}
			if temporality == metricdata.DeltaTemporality {
				if got := read(t, w.own); len(got.Metrics) > 0 {
					t.Errorf("nothing was recorded, and %v is read", got)
				}
			}
		})
	}
}

// withoutExtremesOfDelta removes what is not known of a part of the time.
func withoutExtremesOfDelta(from metricdata.ScopeMetrics) {
	for _, m := range from.Metrics {
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok && h.Temporality == metricdata.DeltaTemporality {
			for i := range h.DataPoints {
				h.DataPoints[i].Min, h.DataPoints[i].Max = metricdata.Extrema[float64]{}, metricdata.Extrema[float64]{}
			}
		}
	}
}

// [O1] The runs of a program add up, and what they counted stays after their end.
func TestRunsOfAProgramAddUp(t *testing.T) {
	p, _ := setup(t, pulled(""), telemetry.Settings{})
	for range 2 {
		if err := runWithoutFlush(t, p); err != nil {
			t.Fatal(err)
		}
	}
	answer := httptest.NewRecorder()
	p.Prometheus.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	for _, want := range []string{
		`ergon_transactions_total\{ergon_outcome="succeeded",.*\} 4\n`,
		`messaging_client_consumed_messages_total\{.*\} 6\n`,
		`messaging_process_duration_seconds_count\{.*ergon_outcome="succeeded",.*\} 4\n`,
		`ergon_attempt_duration_seconds_bucket\{.*ergon_result="business",.*le="\+Inf"\} 2\n`,
	} {
		if !regexp.MustCompile(want).MatchString(answer.Body.String()) {
			t.Errorf("%s is missing in\n%s", want, answer.Body)
		}
	}
}

// [O1] A duration of a transaction that is sampled has its trace as an example.
func TestDurationsHaveExamplesThatAreTraced(t *testing.T) {
	r := collector(t)
	c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
	p, _ := setup(t, c, telemetry.Settings{})
	if err := run(t, p); err != nil {
		t.Fatal(err)
	}
	traces := map[string]bool{}
	for _, resource := range r.Traces() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				traces[string(s.GetTraceId())] = true
			}
		}
	}
	for _, name := range []string{spans.AttemptDuration.Name, spans.ProcessDuration.Name} {
		examples := 0
		for _, m := range metricsNamed(r, name) {
			for _, point := range m.GetHistogram().GetDataPoints() {
				for _, e := range point.GetExemplars() {
					examples++
					if !traces[string(e.GetTraceId())] || e.GetAsDouble() < 0 {
						t.Errorf("%s has the example %v, whose trace was not exported", name, e)
					}
				}
			}
		}
		if examples == 0 {
			t.Errorf("%s has no examples", name)
		}
	}
}

func metricsNamed(r *otlptest.Receiver, name string) []*metricspb.Metric {
	var all []*metricspb.Metric
	for _, resource := range r.Metrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				if m.GetName() == name {
					all = append(all, m)
				}
			}
		}
	}
	return all
}
