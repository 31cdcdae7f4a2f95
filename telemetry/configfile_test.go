package telemetry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/telemetry"
)

// OTEL_CONFIG_FILE hands everything that is exported over to OpenTelemetry's declarative configuration.
func TestConfigurationFileOfOpenTelemetryIsInForce(t *testing.T) {
	r := collector(t)
	path := filepath.Join(t.TempDir(), "otel.yaml")
	text := `file_format: "1.0"
resource:
  attributes: [{name: service.name, value: from-the-file}]
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "` + r.HTTP + `/v1/traces"}}}
logger_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "` + r.HTTP + `/v1/logs"}}}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := from(map[string]string{"OTEL_CONFIG_FILE": path})
	if err != nil {
		t.Fatal(err)
	}
	c.Metrics.Exporters = []telemetry.Exporter{telemetry.ExporterPrometheus} // not used
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	p, console := setup(t, c, telemetry.Settings{})
	if p.Prometheus != nil {
		t.Error("got an exporter of the section telemetry")
	}
	if err := run(t, p); err != nil {
		t.Fatal(err)
	}
	if len(r.Spans()) == 0 || len(r.Records()) == 0 || plain(r.Traces()[0].GetResource().GetAttributes())["service.name"] != "from-the-file" {
		t.Errorf("got %d spans and %d records, want those of the run from-the-file", len(r.Spans()), len(r.Records()))
	}
	console.want(t, 1, "OTEL_CONFIG_FILE", path)
}

func TestConfigurationFileThatIsWrongIsReportedBeforeAnythingRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "otel.yaml")
	if err := os.WriteFile(path, []byte("tracer_provider: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := telemetry.DefaultConfig()
	c.ConfigFile = path
	_, err := telemetry.Setup(t.Context(), c, telemetry.Settings{Console: &log{}})
	if err == nil || !strings.Contains(err.Error(), "OTEL_CONFIG_FILE "+path) {
		t.Errorf("got %v, want a fault of the file", err)
	}
}
