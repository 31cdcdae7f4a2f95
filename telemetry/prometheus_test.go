package telemetry_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/telemetry"
)

func pulled(listen string) telemetry.Config {
	c := telemetry.DefaultConfig()
	c.Metrics.Exporters = []telemetry.Exporter{telemetry.ExporterPrometheus}
	c.Metrics.Prometheus.Listen = listen
	return c
}

// [O1] The names that a Prometheus server sees are what dashboards are made of.
func TestPrometheusPullsWhatARunCounted(t *testing.T) {
	goroutines(t)
	p, _ := setup(t, pulled("127.0.0.1:0"), telemetry.Settings{Service: "triage", Version: "v1"})
	if err := runWithoutFlush(t, p); err != nil {
		t.Fatal(err)
	}
	text := get(t, "http://"+p.PrometheusAddr.String()+"/metrics")
	for _, want := range []string{
		`ergon_transactions_total{ergon_outcome="succeeded",ergon_task="triage",messaging_destination_name="input",messaging_system="ergon",`,
		`messaging_process_duration_seconds_bucket{ergon_outcome="succeeded",ergon_task="triage",`,
		`messaging_client_consumed_messages_total{`,
		"# TYPE ergon_attempt_duration_seconds histogram",
		`le="0.0001"`,
		`target_info{`, `service_name="triage"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	answer := httptest.NewRecorder()
	p.Prometheus.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if !strings.Contains(answer.Body.String(), "ergon_transactions_total{") {
		t.Error("the handler answers with something else than the address does")
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", p.PrometheusAddr.String()); err == nil { //nolint:noctx // it must not answer
		_ = conn.Close()
		t.Error("the address answers after the end")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPrometheusWithoutAnAddressIsServedByTheProgramOnly(t *testing.T) {
	goroutines(t)
	p, _ := setup(t, pulled(""), telemetry.Settings{})
	if p.PrometheusAddr != nil || p.Prometheus == nil {
		t.Errorf("got address %v and handler %v, want a handler only", p.PrometheusAddr, p.Prometheus)
	}
}

func TestAddressThatIsTakenIsReportedBeforeAnythingRuns(t *testing.T) {
	goroutines(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = telemetry.Setup(t.Context(), pulled(taken.Addr().String()), telemetry.Settings{Console: &log{}})
	if err == nil || !strings.Contains(err.Error(), "metrics.prometheus.listen") || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("got %v, want a fault of metrics.prometheus.listen with its cure", err)
	}
}
