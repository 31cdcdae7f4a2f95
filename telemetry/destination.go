package telemetry

import (
	"fmt"
	"slices"
	"strings"
)

// Destination says where a signal goes, in words.
type Destination struct {
	Signal string // "traces", "metrics" or "logs"
	To     string // "off" where it is not made
}

// Destinations returns where each signal goes, without secrets.
func (c Config) Destinations() []Destination {
	if c.ConfigFile != "" {
		to := "as OTEL_CONFIG_FILE says: " + c.ConfigFile
		return []Destination{{traces, to}, {metrics, to}, {logs, strings.Join(append(c.localLogs(), to), "; ")}}
	}
	t, m := c.exported(traces, c.Traces.Exporters), c.exported(metrics, c.Metrics.Exporters)
	if len(t) > 0 {
		sampler := string(c.Traces.Sampler)
		if slices.Contains([]Sampler{SamplerRatio, SamplerParentRatio, SamplerTransactions}, c.Traces.Sampler) {
			sampler += fmt.Sprintf(" %g", c.Traces.Ratio)
		}
		t = append(t, sampler)
	}
	return []Destination{
		{traces, described(t)}, {metrics, described(m)}, {logs, described(append(c.localLogs(), c.exported(logs, c.Logs.Exporters)...))},
	}
}

func described(parts []string) string {
	if len(parts) == 0 {
		return "off"
	}
	return strings.Join(parts, "; ")
}

func (c Config) exported(signal string, exporters []Exporter) []string {
	var parts []string
	for _, e := range exporters {
		switch {
		case c.Disabled:
		case e == ExporterOTLP:
			o := c.of(signal)
			parts = append(parts, fmt.Sprintf("otlp at %s (%s)", o.Endpoint, o.Protocol))
		case e == ExporterPrometheus && c.Metrics.Prometheus.Listen != "":
			parts = append(parts, "prometheus at http://"+c.Metrics.Prometheus.Listen+"/metrics")
		default:
			parts = append(parts, string(e))
		}
	}
	return parts
}

func (c Config) localLogs() []string {
	var parts []string
	if c.Logs.Console.Format != FormatNone {
		parts = append(parts, fmt.Sprintf("console (%s), level %s", c.Logs.Console.Format, c.Logs.Level))
	}
	if c.Logs.File.Path != "" {
		parts = append(parts, fmt.Sprintf("file %s (%s), level %s", c.Logs.File.Path, c.Logs.File.Format, c.Logs.Level))
	}
	return parts
}
