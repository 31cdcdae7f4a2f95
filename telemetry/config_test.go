package telemetry_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/telemetry"
)

func TestDefaultsAreValid(t *testing.T) {
	c := telemetry.DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// [C1] Each fault has the path of its key.
func TestFaultsOfAConfigurationAreReportedAllAtOnce(t *testing.T) {
	c := telemetry.DefaultConfig()
	c.Propagators = []string{"smoke"}
	c.Resource = map[string]string{"": "x"}
	c.OTLP = telemetry.OTLP{Endpoint: "collector:4318", Protocol: "carrier pigeon", Compression: "zip", Headers: map[string]string{"": "x"}}
	c.Traces.Exporters = []telemetry.Exporter{telemetry.ExporterOTLP, telemetry.ExporterOTLP, telemetry.ExporterPrometheus}
	c.Traces.Sampler, c.Traces.Ratio, c.Traces.Processor = "x", 1.01, "x"
	c.Traces.Batch = telemetry.Batch{Queue: 0, Size: 1}
	c.Traces.OTLP = telemetry.OTLP{Endpoint: "http://c?q", Protocol: "x", Compression: "x", Timeout: -1, CertFile: "x"}
	c.Metrics = telemetry.Metrics{Temporality: "x", Prometheus: telemetry.Prometheus{Listen: "9464"}}
	c.Logs.Level, c.Logs.Levels = "loud", map[string]telemetry.Level{"db": "x"}
	c.Logs.Console.Format = "xml"
	c.Logs.File = telemetry.LogFile{Format: telemetry.FormatAuto, MaxSizeMiB: 0, MaxFiles: -1, MaxAgeDays: -1}
	c.Logs.Exporters = []telemetry.Exporter{telemetry.ExporterConsole}
	c.Logs.Batch.Size = 0
	want := []string{
		"propagators", "resource", "otlp.endpoint", "otlp.headers", "otlp.protocol", "otlp.compression", "otlp.timeout",
		"traces.exporters[1]", "traces.exporters[2]", "traces.sampler", "traces.ratio", "traces.processor", "traces.batch.queue",
		"traces.batch.interval", "traces.batch.timeout", "traces.otlp.protocol", "traces.otlp.compression", "traces.otlp.timeout",
		"traces.otlp.endpoint", "traces.otlp.cert_file", "metrics.interval", "metrics.timeout", "metrics.temporality",
		"metrics.prometheus.listen", "logs.level", "logs.levels.db", "logs.console.format", "logs.file.format",
		"logs.file.max_size_mib", "logs.file.max_files", "logs.file.max_age_days", "logs.exporters[0]", "logs.batch.size",
	}
	var got []string
	for _, err := range c.Validate().(interface{ Unwrap() []error }).Unwrap() {
		fault, _ := errors.AsType[*policy.Fault](err)
		got = append(got, fault.Path)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// Both sides of each bound.
func TestBoundsAreExact(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c *telemetry.Config)
		valid  bool
	}{
		"ratio 0":            {func(c *telemetry.Config) { c.Traces.Ratio = 0 }, true},
		"ratio below 0":      {func(c *telemetry.Config) { c.Traces.Ratio = -0.01 }, false},
		"queue as size":      {func(c *telemetry.Config) { c.Traces.Batch.Queue = c.Traces.Batch.Size }, true},
		"queue below size":   {func(c *telemetry.Config) { c.Traces.Batch.Queue = c.Traces.Batch.Size - 1 }, false},
		"shortest interval":  {func(c *telemetry.Config) { c.Metrics.Interval = 1 }, true},
		"no interval":        {func(c *telemetry.Config) { c.Metrics.Interval = 0 }, false},
		"smallest file":      {func(c *telemetry.Config) { c.Logs.File.MaxSizeMiB = 1 }, true},
		"no prometheus":      {func(c *telemetry.Config) { c.Metrics.Prometheus.Listen = "" }, true},
		"password in a URL":  {func(c *telemetry.Config) { c.OTLP.Endpoint = "http://a:b@c" }, false},
		"endpoint with path": {func(c *telemetry.Config) { c.OTLP.Endpoint = "https://c/otlp" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := telemetry.DefaultConfig()
			test.change(&c)
			if err := c.Validate(); (err == nil) != test.valid {
				t.Errorf("got %v, want valid: %t", err, test.valid)
			}
		})
	}
}

func TestFilesThatAreNamedAreChecked(t *testing.T) {
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(c *telemetry.Config)
		want   string
	}{
		"no such CA":     {func(c *telemetry.Config) { c.OTLP.CAFile = filepath.Join(folder, "none") }, "telemetry: otlp: ca_file: open "},
		"no certificate": {func(c *telemetry.Config) { c.OTLP.CAFile = empty }, "has no certificate in PEM"},
		"no certificate, no key": {
			func(c *telemetry.Config) { c.OTLP.CertFile, c.OTLP.KeyFile = empty, empty }, "cert_file and key_file: ",
		},
		"no configuration file": {func(c *telemetry.Config) { c.ConfigFile = filepath.Join(folder, "none") }, "OTEL_CONFIG_FILE: open "},
		"not read without need": {func(c *telemetry.Config) { c.OTLP.CAFile, c.OTLP.Endpoint = "none", "http://c" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := everywhere("https://collector:4318", telemetry.ProtocolHTTP)
			test.change(&c)
			err := c.Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want it once", err)
			}
		})
	}
}
