package telemetry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/semconv/v1.37.0/messagingconv"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/telemetry"
)

// metric is what is the same in every run.
type metric struct {
	Unit, Kind string
	Buckets    []float64
}

// [O1] Names and units are those of the messaging conventions, version 1.37, or begin with ergon.; no metric has an id.
func TestMetricsOfARunArriveAtACollector(t *testing.T) {
	buckets := []float64{0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60}
	var (
		process   messagingconv.ProcessDuration
		operation messagingconv.ClientOperationDuration
		consumed  messagingconv.ClientConsumedMessages
	)
	want := map[string]metric{
		process.Name():           {process.Unit(), "histogram", buckets},
		operation.Name():         {operation.Unit(), "histogram", buckets},
		consumed.Name():          {consumed.Unit(), "sum", nil},
		"ergon.attempt.duration": {"s", "histogram", buckets},
		"ergon.transactions":     {"{transaction}", "sum", nil},
	}
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		p, _ := setup(t, c, telemetry.Settings{Service: "triage"})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		got := map[string]metric{}
		for _, resource := range r.Metrics() {
			for _, scope := range resource.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					described, attributes := describeMetric(m)
					got[m.GetName()] = described
					checkAttributes(t, m.GetName(), attributes)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func describeMetric(m *metricspb.Metric) (described metric, attributes []map[string]string) {
	described = metric{Unit: m.GetUnit(), Kind: "gauge"}
	if h := m.GetHistogram(); h != nil {
		described.Kind = "histogram"
		for _, p := range h.GetDataPoints() {
			described.Buckets = p.GetExplicitBounds()
			attributes = append(attributes, plain(p.GetAttributes()))
		}
	}
	if s := m.GetSum(); s != nil {
		described.Kind = "sum"
		for _, p := range s.GetDataPoints() {
			attributes = append(attributes, plain(p.GetAttributes()))
		}
	}
	return described, attributes
}

func checkAttributes(t *testing.T, name string, all []map[string]string) {
	t.Helper()
	for _, attributes := range all {
		if attributes["messaging.system"] != "ergon" || attributes["ergon.task"] != "triage" || attributes["messaging.message.id"] != "" {
			t.Errorf("got %v on %s, want system and task, and no id", attributes, name)
		}
		if name[:5] != "ergon" && attributes["messaging.operation.name"] == "" {
			t.Errorf("got %v on %s, want the operation, which the conventions require", attributes, name)
		}
	}
}

func TestTemporalityIsThatOfTheConfiguration(t *testing.T) {
	const delta, cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
		metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	for temporality, want := range map[telemetry.Temporality]metricspb.AggregationTemporality{
		telemetry.TemporalityCumulative: cumulative, telemetry.TemporalityDelta: delta, telemetry.TemporalityLowMemory: delta,
	} {
		t.Run(string(temporality), func(t *testing.T) {
			r := collector(t)
			c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
			c.Traces.Exporters, c.Logs.Exporters = nil, nil
			c.Metrics.Temporality = temporality
			p, _ := setup(t, c, telemetry.Settings{})
			if err := run(t, p); err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Metrics()[0].GetScopeMetrics()[0].GetMetrics() {
				if s := m.GetSum(); s != nil && s.GetAggregationTemporality() != want {
					t.Errorf("got %s of %s, want %s", s.GetAggregationTemporality(), m.GetName(), want)
				}
				if h := m.GetHistogram(); h != nil && h.GetAggregationTemporality() != want {
					t.Errorf("got %s of %s, want %s", h.GetAggregationTemporality(), m.GetName(), want)
				}
			}
		})
	}
}
