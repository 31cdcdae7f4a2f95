package telemetry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// over returns what o says, and what it does not say as common has it.
func (o OTLP) over(common OTLP) OTLP {
	merged := OTLP{
		Endpoint:    cmp.Or(o.Endpoint, common.Endpoint),
		Protocol:    cmp.Or(o.Protocol, common.Protocol),
		Headers:     common.Headers,
		Compression: cmp.Or(o.Compression, common.Compression),
		Timeout:     cmp.Or(o.Timeout, common.Timeout),
		CAFile:      cmp.Or(o.CAFile, common.CAFile),
		CertFile:    cmp.Or(o.CertFile, common.CertFile),
		KeyFile:     cmp.Or(o.KeyFile, common.KeyFile),
	}
	if len(o.Headers) > 0 {
		merged.Headers = o.Headers
	}
	return merged
}

// of returns the settings of one signal, in force: its endpoint is a whole URL.
func (c Config) of(signal string) OTLP {
	own := map[string]OTLP{traces: c.Traces.OTLP, metrics: c.Metrics.OTLP, logs: c.Logs.OTLP}[signal]
	o := own.over(c.OTLP)
	if o.Endpoint == "" {
		o.Endpoint = "http://localhost:4318"
		if o.Protocol == ProtocolGRPC {
			o.Endpoint = "http://localhost:4317"
		}
	}
	if own.Endpoint == "" && o.Protocol == ProtocolHTTP {
		o.Endpoint = strings.TrimRight(o.Endpoint, "/") + "/v1/" + signal
	}
	return o
}

// The signals, as they are called in URLs and messages.
const (
	traces  = "traces"
	metrics = "metrics"
	logs    = "logs"
)

// secure returns how the connection is encrypted; nil for not at all.
func (o OTLP) secure() (*tls.Config, error) {
	if !strings.HasPrefix(o.Endpoint, "https://") {
		return nil, nil //nolint:nilnil // no encryption is no fault
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		own, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file and key_file: %w", err)
		}
		cfg.Certificates = []tls.Certificate{own}
	}
	return cfg, nil
}

// Check reads the files that c names and reports all faults in them. It does not connect to anything.
func (c Config) Check() error {
	var errs []error
	if c.ConfigFile != "" {
		if _, err := readConfigFile(c.ConfigFile); err != nil {
			errs = append(errs, err)
		}
	}
	seen := map[string]bool{}
	for signal, exporters := range c.exporters() {
		for _, e := range exporters {
			if e != ExporterOTLP || c.ConfigFile != "" {
				continue
			}
			if _, err := c.of(signal).secure(); err != nil && !seen[err.Error()] {
				seen[err.Error()] = true
				errs = append(errs, fmt.Errorf("telemetry: otlp: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// exporters yields those of each signal.
func (c Config) exporters() func(yield func(string, []Exporter) bool) {
	return func(yield func(string, []Exporter) bool) {
		_ = yield(traces, c.Traces.Exporters) && yield(metrics, c.Metrics.Exporters) && yield(logs, c.Logs.Exporters)
	}
}
