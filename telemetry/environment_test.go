package telemetry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/telemetry"
)

func from(variables map[string]string) (telemetry.Config, error) {
	return telemetry.FromEnvironment(func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	})
}

func TestVariablesChangeTheDefaults(t *testing.T) {
	otlp := []telemetry.Exporter{telemetry.ExporterOTLP}
	for name, test := range map[string]struct {
		variables map[string]string
		change    func(c *telemetry.Config)
	}{
		"none":         {nil, func(*telemetry.Config) {}},
		"set to empty": {map[string]string{"OTEL_TRACES_EXPORTER": " ", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, func(*telemetry.Config) {}},
		"exporters": {
			map[string]string{
				"OTEL_TRACES_EXPORTER": "otlp, console", "OTEL_METRICS_EXPORTER": "prometheus", "OTEL_LOGS_EXPORTER": "console,otlp",
			},
			func(c *telemetry.Config) {
				c.Traces.Exporters = []telemetry.Exporter{telemetry.ExporterOTLP, telemetry.ExporterConsole}
				c.Metrics.Exporters = []telemetry.Exporter{telemetry.ExporterPrometheus}
				c.Logs.Exporters = otlp
			},
		},
		"an endpoint is a wish to export": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_METRICS_EXPORTER": "none"},
			func(c *telemetry.Config) {
				c.OTLP.Endpoint = "http://collector:4318"
				c.Traces.Exporters, c.Logs.Exporters = otlp, otlp
			},
		},
		"an endpoint of one signal is for that": {
			map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://tempo:4318/v1/traces"},
			func(c *telemetry.Config) {
				c.Traces.OTLP.Endpoint, c.Traces.Exporters = "http://tempo:4318/v1/traces", otlp
			},
		},
		"endpoints without a scheme": {
			map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
				"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "loki:4317", "OTEL_EXPORTER_OTLP_LOGS_INSECURE": "true",
				"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
			},
			func(c *telemetry.Config) {
				c.OTLP.Endpoint, c.OTLP.Protocol = "https://collector:4317", telemetry.ProtocolGRPC
				c.Logs.OTLP.Endpoint = "http://loki:4317"
			},
		},
		"how to send": {
			map[string]string{
				"OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b%3D,x=1", "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
				"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_CERTIFICATE": "ca.pem",
				"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "me.pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY": "me.key",
			},
			func(c *telemetry.Config) {
				c.OTLP.Headers = map[string]string{"api-key": "a b=", "x": "1"}
				c.OTLP.Timeout, c.OTLP.Compression = 2500*time.Millisecond, telemetry.CompressionGzip
				c.OTLP.CAFile, c.OTLP.CertFile, c.OTLP.KeyFile = "ca.pem", "me.pem", "me.key"
			},
		},
		"resource": {
			map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=test"},
			func(c *telemetry.Config) {
				c.Service, c.Resource = "other", map[string]string{"deployment.environment.name": "test"}
			},
		},
		"service name goes before the resource": {
			map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=other", "OTEL_SERVICE_NAME": "triage"},
			func(c *telemetry.Config) { c.Service, c.Resource = "triage", map[string]string{} },
		},
		"sampler": {
			map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"},
			func(c *telemetry.Config) {
				c.Traces.Sampler, c.Traces.Ratio = telemetry.SamplerParentRatio, 0.01
			},
		},
		"an argument that the sampler has no use for": {
			map[string]string{"OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://jaeger"},
			func(c *telemetry.Config) { c.Traces.Sampler = telemetry.SamplerAlwaysOn },
		},
		"batches": {
			map[string]string{
				"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_EXPORT_TIMEOUT": "200", "OTEL_BSP_MAX_QUEUE_SIZE": "20",
				"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "10000",
			},
			func(c *telemetry.Config) {
				c.Traces.Batch = telemetry.Batch{Queue: 20, Size: 10, Interval: 100 * time.Millisecond, Timeout: 200 * time.Millisecond}
				c.Logs.Batch.Size, c.Logs.Batch.Queue = 10000, 10000
			},
		},
		"metrics": {
			map[string]string{
				"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_METRIC_EXPORT_TIMEOUT": "500", "OTEL_EXPORTER_PROMETHEUS_HOST": "0.0.0.0",
				"OTEL_EXPORTER_PROMETHEUS_PORT": "9000", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA",
			},
			func(c *telemetry.Config) {
				c.Metrics.Interval, c.Metrics.Timeout = time.Second, 500*time.Millisecond
				c.Metrics.Prometheus.Listen, c.Metrics.Temporality = "0.0.0.0:9000", telemetry.TemporalityDelta
			},
		},
		"propagators": {
			map[string]string{"OTEL_PROPAGATORS": "b3,baggage"},
			func(c *telemetry.Config) { c.Propagators = []string{"b3", "baggage"} },
		},
		"disabled": {map[string]string{"OTEL_SDK_DISABLED": "TRUE"}, func(c *telemetry.Config) { c.Disabled = true }},
		"a configuration file makes all others void": {
			map[string]string{"OTEL_CONFIG_FILE": "otel.yaml", "OTEL_TRACES_EXPORTER": "zipkin"},
			func(c *telemetry.Config) { c.ConfigFile = "otel.yaml" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := telemetry.DefaultConfig()
			test.change(&want)
			got, err := from(test.variables)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A variable that is wrong is a fault that names it, and all are reported at once.
func TestWrongVariablesAreReportedAllAtOnce(t *testing.T) {
	for name, test := range map[string]struct{ value, want string }{
		"OTEL_TRACES_EXPORTER":                  {"zipkin", `has "zipkin", must be a list of ["otlp" "console"], or none`},
		"OTEL_LOGS_EXPORTER":                    {"prometheus", `has "prometheus", must be a list of`},
		"OTEL_TRACES_SAMPLER":                   {"sometimes", `is "sometimes", must be one of ["always_on"`},
		"OTEL_EXPORTER_OTLP_PROTOCOL":           {"http/json", `is "http/json", must be one of ["http/protobuf" "grpc"]`},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":    {"ftp://collector", `is "ftp://collector", must be a URL`},
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":   {"http://me:hunter2@collector", "has a user or password; put it into headers"},
		"OTEL_EXPORTER_OTLP_HEADERS":            {"api-key=1,hunter2", "item 2 is not"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":            {"10s", `is "10s", must be a whole number, at least 1`},
		"OTEL_BSP_MAX_QUEUE_SIZE":               {"0", `is "0", must be a whole number, at least 1`},
		"OTEL_SDK_DISABLED":                     {"yes", `is "yes", must be true or false`},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": {"me.pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY belong together"},
		"OTEL_PROPAGATORS":                      {"smoke", `propagators: are ["smoke"]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := from(map[string]string{name: test.value})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q and no secret", err, test.want)
			}
		})
	}
	_, err := from(map[string]string{"OTEL_TRACES_SAMPLER": "x", "OTEL_BSP_SCHEDULE_DELAY": "y", "OTEL_METRICS_EXPORTER": "z"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three faults", err)
	}
	_, err = from(map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.01"})
	if err == nil || !strings.Contains(err.Error(), `OTEL_TRACES_SAMPLER_ARG is "1.01", must be a number from 0 to 1`) {
		t.Errorf("got %v, want a fault of the ratio", err)
	}
}
