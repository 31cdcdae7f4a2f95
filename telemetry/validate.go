package telemetry

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/contrib/propagators/autoprop"

	"github.com/ergon-go/ergon/policy"
)

// faults collects what is wrong, each with its path.
type faults []error

func (f *faults) addf(path, format string, args ...any) {
	*f = append(*f, &policy.Fault{Path: path, Problem: fmt.Sprintf(format, args...)})
}

func (f *faults) positive(path string, got time.Duration) {
	if got <= 0 {
		f.addf(path, "is %s, must be more than 0", got)
	}
}

func (f *faults) atLeast(path string, got, least int) {
	if got < least {
		f.addf(path, "is %d, must be at least %d", got, least)
	}
}

func oneOf[T ~string](f *faults, path string, got T, allowed ...string) {
	if !slices.Contains(allowed, string(got)) {
		f.addf(path, "is %q, must be one of %q", string(got), allowed)
	}
}

// Validate reports every fault of c, each as a *policy.Fault. It does not read files and does not connect to anything; see
// [Config.Check].
func (c Config) Validate() error {
	var f faults
	if len(c.Propagators) > 0 {
		if _, err := autoprop.TextMapPropagator(c.Propagators...); err != nil {
			f.addf("propagators", "are %q: %v; known are tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace and none", c.Propagators, err)
		}
	}
	oneOf(&f, "propagation", c.Propagation, c.Propagation.Choices()...)
	if _, _, ok := c.trusted(); !ok {
		f.addf("trust", "is %v, must be none, all or a list of tasks, such as [triage]", c.Trust)
	}
	if _, ok := c.Resource[""]; ok {
		f.addf("resource", "has an attribute without a name")
	}
	c.OTLP.validate(&f, "otlp")
	oneOf(&f, "otlp.protocol", c.OTLP.Protocol, c.OTLP.Protocol.Choices()...)
	oneOf(&f, "otlp.compression", c.OTLP.Compression, c.OTLP.Compression.Choices()...)
	f.positive("otlp.timeout", c.OTLP.Timeout)
	c.Traces.validate(&f)
	c.Metrics.validate(&f)
	c.Logs.validate(&f)
	return errors.Join(f...)
}

func (t Traces) validate(f *faults) {
	validateExporters(f, "traces.exporters", t.Exporters, ExporterOTLP, ExporterConsole)
	oneOf(f, "traces.sampler", t.Sampler, t.Sampler.Choices()...)
	if math.IsNaN(t.Ratio) || t.Ratio < 0 || t.Ratio > 1 {
		f.addf("traces.ratio", "is %v, must be from 0 to 1", t.Ratio)
	}
	oneOf(f, "traces.processor", t.Processor, t.Processor.Choices()...)
	t.Batch.validate(f, "traces.batch")
	t.OTLP.validateOwn(f, "traces.otlp")
}

func (m Metrics) validate(f *faults) {
	validateExporters(f, "metrics.exporters", m.Exporters, ExporterOTLP, ExporterPrometheus, ExporterConsole)
	f.positive("metrics.interval", m.Interval)
	f.positive("metrics.timeout", m.Timeout)
	oneOf(f, "metrics.temporality", m.Temporality, m.Temporality.Choices()...)
	if listen := m.Prometheus.Listen; listen != "" {
		if _, _, err := net.SplitHostPort(listen); err != nil {
			f.addf("metrics.prometheus.listen", "is %q, must be an address with a port, such as localhost:9464", listen)
		}
	}
	m.OTLP.validateOwn(f, "metrics.otlp")
}

func (l Logs) validate(f *faults) {
	oneOf(f, "logs.level", l.Level, l.Level.Choices()...)
	for _, component := range sortedKeys(l.Levels) {
		oneOf(f, "logs.levels."+component, l.Levels[component], l.Level.Choices()...)
	}
	oneOf(f, "logs.console.format", l.Console.Format, l.Console.Format.Choices()...)
	oneOf(f, "logs.file.format", l.File.Format, choices(FormatJSON, FormatText)...)
	f.atLeast("logs.file.max_size_mib", l.File.MaxSizeMiB, 1)
	f.atLeast("logs.file.max_files", l.File.MaxFiles, 0)
	f.atLeast("logs.file.max_age_days", l.File.MaxAgeDays, 0)
	validateExporters(f, "logs.exporters", l.Exporters, ExporterOTLP)
	oneOf(f, "logs.processor", l.Processor, l.Processor.Choices()...)
	l.Batch.validate(f, "logs.batch")
	l.OTLP.validateOwn(f, "logs.otlp")
}

func validateExporters(f *faults, path string, got []Exporter, known ...Exporter) {
	for i, e := range got {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !slices.Contains(known, e):
			f.addf(at, "is %q, must be one of %q; an empty list exports nothing", string(e), known)
		case slices.Contains(got[:i], e):
			f.addf(at, "is %q, which is there already; remove one", string(e))
		}
	}
}

func (b Batch) validate(f *faults, path string) {
	f.atLeast(path+".size", b.Size, 1)
	if b.Queue < b.Size {
		f.addf(path+".queue", "is %d, must be at least size, %d", b.Queue, b.Size)
	}
	f.positive(path+".interval", b.Interval)
	f.positive(path+".timeout", b.Timeout)
}

// validateOwn checks the settings of one signal, where nothing means those of all.
func (o OTLP) validateOwn(f *faults, path string) {
	if o.Protocol != "" {
		oneOf(f, path+".protocol", o.Protocol, o.Protocol.Choices()...)
	}
	if o.Compression != "" {
		oneOf(f, path+".compression", o.Compression, o.Compression.Choices()...)
	}
	if o.Timeout < 0 {
		f.addf(path+".timeout", "is %s, must be more than 0, or 0 for that of telemetry.otlp", o.Timeout)
	}
	o.validate(f, path)
}

func (o OTLP) validate(f *faults, path string) {
	if o.Endpoint != "" {
		if problem := badEndpoint(o.Endpoint); problem != "" {
			f.addf(path+".endpoint", "%s", problem)
		}
	}
	if _, ok := o.Headers[""]; ok {
		f.addf(path+".headers", "has a header without a name")
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		f.addf(path+".cert_file", "and key_file belong together; set both or none")
	}
}

// badEndpoint does not repeat a URL that cannot be read: it may have a password.
func badEndpoint(endpoint string) string {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "is not a URL; write one such as http://localhost:4318"
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Sprintf("is %q, must be a URL that begins with http:// or https://", (&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
	case u.User != nil:
		return "has a user or password; put it into headers: {authorization: …}"
	case u.RawQuery != "" || u.Fragment != "":
		return "has a query or a fragment, must have none; put keys into headers"
	}
	return ""
}
