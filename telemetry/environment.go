package telemetry

import (
	"errors"
	"net"
	"slices"
	"strings"
)

// FromEnvironment returns [DefaultConfig], changed by the standard OTEL_* variables. lookup is os.LookupEnv or a function like
// it. If a configuration file is decoded onto the result, the file has priority over the variables. As OpenTelemetry specifies,
// an empty variable counts as not set, and with OTEL_CONFIG_FILE all other variables are ignored.
//
// A variable with an endpoint also selects the exporter otlp for its signal, or for all signals, unless OTEL_TRACES_EXPORTER or a
// similar variable says otherwise. The error has a line for every invalid variable. The SDK itself reads the limits of spans and
// attributes, such as OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, from the environment of the process.
func FromEnvironment(lookup func(name string) (value string, set bool)) (Config, error) {
	c := DefaultConfig()
	e := &environment{lookup: lookup}
	e.boolean("OTEL_SDK_DISABLED", &c.Disabled)
	if e.text("OTEL_CONFIG_FILE", &c.ConfigFile) {
		return c, errors.Join(e.errs...)
	}
	e.resource(&c)
	if names, ok := e.list("OTEL_PROPAGATORS"); ok {
		c.Propagators = names
	}
	e.otlp("", &c.OTLP)
	e.traces(&c.Traces)
	e.metrics(&c.Metrics)
	e.logs(&c.Logs)
	if len(e.errs) == 0 {
		e.errs = append(e.errs, c.Validate())
	}
	return c, errors.Join(e.errs...)
}

func (e *environment) resource(c *Config) {
	c.Resource = e.pairs("OTEL_RESOURCE_ATTRIBUTES")
	c.Service = c.Resource[serviceName]
	delete(c.Resource, serviceName)
	e.text("OTEL_SERVICE_NAME", &c.Service)
}

func (e *environment) traces(t *Traces) {
	e.otlp(traces, &t.OTLP)
	e.exporters(traces, &t.Exporters, ExporterOTLP, ExporterConsole)
	choose(e, "OTEL_TRACES_SAMPLER", &t.Sampler, t.Sampler.Choices())
	if t.Sampler == SamplerRatio || t.Sampler == SamplerParentRatio || t.Sampler == SamplerTransactions {
		e.ratio("OTEL_TRACES_SAMPLER_ARG", &t.Ratio)
	}
	e.batch("OTEL_BSP", &t.Batch)
}

func (e *environment) metrics(m *Metrics) {
	e.otlp(metrics, &m.OTLP)
	e.exporters(metrics, &m.Exporters, ExporterOTLP, ExporterPrometheus, ExporterConsole)
	e.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", &m.Interval)
	e.milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", &m.Timeout)
	choose(e, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", &m.Temporality, m.Temporality.Choices())
	host, port, err := net.SplitHostPort(m.Prometheus.Listen)
	if err != nil {
		return
	}
	e.text("OTEL_EXPORTER_PROMETHEUS_HOST", &host)
	e.text("OTEL_EXPORTER_PROMETHEUS_PORT", &port)
	m.Prometheus.Listen = net.JoinHostPort(host, port)
}

func (e *environment) logs(l *Logs) {
	e.otlp(logs, &l.OTLP)
	e.exporters(logs, &l.Exporters, ExporterOTLP, ExporterConsole)
	for i, exporter := range l.Exporters {
		if exporter == ExporterConsole { // records are written to the console anyway
			l.Exporters = append(l.Exporters[:i:i], l.Exporters[i+1:]...)
			break
		}
	}
	e.batch("OTEL_BLRP", &l.Batch)
}

// exporters is otlp where only an endpoint is set.
func (e *environment) exporters(signal string, into *[]Exporter, known ...Exporter) {
	name := "OTEL_" + strings.ToUpper(signal) + "_EXPORTER"
	names, ok := e.list(name)
	switch {
	case !ok && (e.has("OTEL_EXPORTER_OTLP_ENDPOINT") || e.has("OTEL_EXPORTER_OTLP_"+strings.ToUpper(signal)+"_ENDPOINT")):
		*into = []Exporter{ExporterOTLP}
		return
	case !ok || len(names) == 1 && names[0] == "none":
		return
	}
	for _, n := range names {
		exporter := ExporterConsole
		if n != "logging" { // an old name of console
			exporter = Exporter(n)
		}
		if !slices.Contains(known, exporter) {
			e.errorf(name, "has %q, must be a list of %q, or none", n, known)
			continue
		}
		if !slices.Contains(*into, exporter) {
			*into = append(*into, exporter)
		}
	}
}

// otlp reads the variables of one signal, or of all.
func (e *environment) otlp(signal string, o *OTLP) {
	prefix := "OTEL_EXPORTER_OTLP_"
	if signal != "" {
		prefix += strings.ToUpper(signal) + "_"
	}
	choose(e, prefix+"PROTOCOL", &o.Protocol, o.Protocol.Choices())
	e.endpoint(prefix, &o.Endpoint)
	o.Headers = e.pairs(prefix + "HEADERS")
	choose(e, prefix+"COMPRESSION", &o.Compression, o.Compression.Choices())
	e.milliseconds(prefix+"TIMEOUT", &o.Timeout)
	e.text(prefix+"CERTIFICATE", &o.CAFile)
	e.text(prefix+"CLIENT_CERTIFICATE", &o.CertFile)
	e.text(prefix+"CLIENT_KEY", &o.KeyFile)
	if (o.CertFile == "") != (o.KeyFile == "") {
		e.errorf(prefix+"CLIENT_CERTIFICATE", "and %sCLIENT_KEY belong together; set both or none", prefix)
	}
}

// endpoint gives one without a scheme, which gRPC may have, the one that the variable INSECURE means.
func (e *environment) endpoint(prefix string, into *string) {
	insecure := false
	e.boolean("OTEL_EXPORTER_OTLP_INSECURE", &insecure)
	e.boolean(prefix+"INSECURE", &insecure)
	var endpoint string
	if !e.text(prefix+"ENDPOINT", &endpoint) {
		return
	}
	if !strings.Contains(endpoint, "://") {
		scheme := "https://"
		if insecure {
			scheme = "http://"
		}
		endpoint = scheme + endpoint
	}
	if problem := badEndpoint(endpoint); problem != "" {
		e.errorf(prefix+"ENDPOINT", "%s", problem)
		return
	}
	*into = endpoint
}

func (e *environment) batch(prefix string, b *Batch) {
	e.milliseconds(prefix+"_SCHEDULE_DELAY", &b.Interval)
	e.milliseconds(prefix+"_EXPORT_TIMEOUT", &b.Timeout)
	e.count(prefix+"_MAX_EXPORT_BATCH_SIZE", &b.Size)
	if !e.count(prefix+"_MAX_QUEUE_SIZE", &b.Queue) {
		b.Queue = max(b.Queue, b.Size)
	}
	if b.Queue < b.Size {
		e.errorf(prefix+"_MAX_QUEUE_SIZE", "is %d, must be at least %s_MAX_EXPORT_BATCH_SIZE, %d", b.Queue, prefix, b.Size)
	}
}
