package telemetry_test

import (
	"testing"

	"github.com/ergon-go/ergon/telemetry"
)

// [O2] What is not asked for is not there: no provider that the engine would have to ask, and no goroutine.
func TestNothingConfiguredIsNothingMade(t *testing.T) {
	off := everywhere("http://localhost:4318", telemetry.ProtocolHTTP)
	off.Disabled = true
	for name, c := range map[string]telemetry.Config{"default": telemetry.DefaultConfig(), "OTEL_SDK_DISABLED": off} {
		t.Run(name, func(t *testing.T) {
			goroutines(t)
			p, console := setup(t, c, telemetry.Settings{Service: "triage"})
			if p.TracerProvider != nil || p.MeterProvider != nil || p.Prometheus != nil || p.PrometheusAddr != nil {
				t.Errorf("got %+v, want a logger only", p)
			}
			if err := run(t, p); err != nil {
				t.Fatal(err)
			}
			console.want(t, 4, "looking at it")
			console.want(t, 0, "trace_id")
		})
	}
}

func TestOneSignalMakesNoOther(t *testing.T) {
	r := collector(t)
	c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
	c.Metrics.Exporters, c.Logs.Exporters = nil, nil
	p, _ := setup(t, c, telemetry.Settings{})
	if p.TracerProvider == nil || p.MeterProvider != nil {
		t.Errorf("got %v and %v, want traces only", p.TracerProvider, p.MeterProvider)
	}
	if err := run(t, p); err != nil {
		t.Fatal(err)
	}
	if len(r.Spans()) == 0 || len(r.Metrics()) > 0 || len(r.Logs()) > 0 {
		t.Errorf("got %d spans, %d metrics and %d logs, want spans only", len(r.Spans()), len(r.Metrics()), len(r.Logs()))
	}
}
