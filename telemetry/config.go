package telemetry

import "time"

// Config is the section telemetry of a configuration. It is decoded onto [DefaultConfig].
type Config struct {
	// Service is service.name. Default: the program's name.
	Service string `yaml:"service"`
	// Resource has further attributes of everything that is exported: {deployment.environment.name: production}.
	Resource map[string]string `yaml:"resource"`
	// Propagators are the formats of trace contexts between services, for the instrumentation libraries that a task uses: names as
	// in OTEL_PROPAGATORS. Transactions always carry W3C trace context. Default [tracecontext, baggage].
	Propagators []string `yaml:"propagators"`
	// Propagation says how the span of a transaction refers to the trace context that the transaction carries. With link (default),
	// each transaction has its own trace, and its span links to the context. With continue, its span belongs to the trace of the
	// sender.
	Propagation Propagation `yaml:"propagation"`
	// Trust applies to continue. It says which senders decide about sampling: TrustNone (default), none; TrustAll, all; or a
	// []string with the names of the tasks whose senders are trusted. It has no effect on a sampler that ignores the parent.
	Trust any `yaml:"trust"`
	// OTLP is the collector to which the otlp exporters of all signals send.
	OTLP OTLP `yaml:"otlp"`
	// Traces exports the spans of runs, transactions and attempts.
	Traces Traces `yaml:"traces"`
	// Metrics exports counts and durations.
	Metrics Metrics `yaml:"metrics"`
	// Logs writes and exports the log records of the engine and of the tasks.
	Logs Logs `yaml:"logs"`

	// ConfigFile is a file of OpenTelemetry's declarative configuration, which takes the place of Service to Metrics and of
	// the exporters of Logs. The variable OTEL_CONFIG_FILE sets it; it has no key.
	ConfigFile string `yaml:"-"`
	// Disabled switches all exporters off. The variable OTEL_SDK_DISABLED sets it; it has no key.
	Disabled bool `yaml:"-"`
}

// OTLP says how to reach a collector. In the settings of one signal, "" and 0 mean the value of telemetry.otlp.
type OTLP struct {
	// Endpoint is a URL; https encrypts. By HTTP, a path such as /v1/traces is added to the endpoint of telemetry.otlp, and the
	// endpoint of one signal is used as it is. Default http://localhost:4318, or http://localhost:4317 by gRPC.
	Endpoint string `yaml:"endpoint"`
	// Protocol is http/protobuf (default) or grpc.
	Protocol Protocol `yaml:"protocol"`
	// Headers are sent with each request. They are secrets: they are never shown.
	Headers map[string]string `yaml:"headers"`
	// Compression is none (default) or gzip.
	Compression Compression `yaml:"compression"`
	// Timeout bounds the sending of one batch, repetitions included. Default 10s.
	Timeout time.Duration `yaml:"timeout"`
	// CAFile is a file with the certificates of trusted authorities, in PEM. Default: those of the system.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are files with the client's certificate and its key, in PEM, for a server that requires them.
	CertFile string `yaml:"cert_file"`
	// KeyFile belongs to CertFile.
	KeyFile string `yaml:"key_file"`
}

// Batch says how the queue of a signal is emptied.
type Batch struct {
	// Queue is the maximum number of waiting items. If it is full, new items are dropped. At least Size. Default 8192.
	Queue int `yaml:"queue"`
	// Size is the maximum number of items that are sent together. At least 1. Default 512.
	Size int `yaml:"size"`
	// Interval is how long one waits at most before it is sent. More than 0. Default 5s for traces, 1s for logs.
	Interval time.Duration `yaml:"interval"`
	// Timeout bounds the export of one batch, whatever the exporter. More than 0. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// Traces says how spans are exported.
type Traces struct {
	// Exporters are any of otlp and console. Default: none, and then there are no spans.
	Exporters []Exporter `yaml:"exporters"`
	// Sampler decides which spans are recorded. Default parentbased_always_on.
	Sampler Sampler `yaml:"sampler"`
	// Ratio is the part that samplers with a ratio record, from 0 to 1. Default 1.
	Ratio float64 `yaml:"ratio"`
	// Processor is batch (default) or simple.
	Processor Processor `yaml:"processor"`
	// Batch is for the processor batch.
	Batch Batch `yaml:"batch"`
	// OTLP overrides Config.OTLP for traces, field by field.
	OTLP OTLP `yaml:"otlp"`
}

// Metrics says how metrics are exported.
type Metrics struct {
	// Exporters are any of otlp, prometheus and console. Default: none, and then there are no metrics.
	Exporters []Exporter `yaml:"exporters"`
	// Interval is how often they are pushed. More than 0. Default 1m.
	Interval time.Duration `yaml:"interval"`
	// Timeout bounds one push. More than 0. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
	// Temporality is cumulative (default), delta or lowmemory, for otlp.
	Temporality Temporality `yaml:"temporality"`
	// Prometheus is for the exporter prometheus.
	Prometheus Prometheus `yaml:"prometheus"`
	// OTLP overrides Config.OTLP for metrics, field by field.
	OTLP OTLP `yaml:"otlp"`
}

// Prometheus is the endpoint from which a Prometheus server pulls metrics.
type Prometheus struct {
	// Listen is the address that /metrics is served on. Empty: none; a program serves [Providers.Prometheus] itself.
	// Default localhost:9464.
	Listen string `yaml:"listen"`
}

// Logs says where log records go.
type Logs struct {
	// Level is the minimum level of records. Default info.
	Level Level `yaml:"level"`
	// Levels are minimum levels by component. A component is the name of a task, or the attribute "component" of a logger. A level
	// for "db" also applies to "db.pool".
	Levels map[string]Level `yaml:"levels"`
	// Console is the log on standard error.
	Console Console `yaml:"console"`
	// File is the log in a file.
	File LogFile `yaml:"file"`
	// Exporters are otlp, or none (default).
	Exporters []Exporter `yaml:"exporters"`
	// Processor is batch (default) or simple, for otlp.
	Processor Processor `yaml:"processor"`
	// Batch is for the processor batch.
	Batch Batch `yaml:"batch"`
	// OTLP overrides Config.OTLP for logs, field by field.
	OTLP OTLP `yaml:"otlp"`
}

// Console is the log on standard error.
type Console struct {
	// Format is auto (default: text on a terminal, JSON elsewhere), text, json or none.
	Format Format `yaml:"format"`
}

// LogFile is a log file that is rotated by size. A rotated file has the time in its name.
type LogFile struct {
	// Path is the path of the file. Missing folders are made. Default "": no file.
	Path string `yaml:"path"`
	// Format is json (default) or text.
	Format Format `yaml:"format"`
	// MaxSizeMiB is the maximum size of the file, in MiB. At least 1. Default 100.
	MaxSizeMiB int `yaml:"max_size_mib"`
	// MaxFiles is the number of rotated files that are kept; 0 keeps all. Default 5.
	MaxFiles int `yaml:"max_files"`
	// MaxAgeDays is the number of days for which rotated files are kept; 0 (default) means no limit.
	MaxAgeDays int `yaml:"max_age_days"`
	// Compress compresses rotated files by gzip. Default false.
	Compress bool `yaml:"compress"`
}

// DefaultConfig exports nothing and writes logs to the console.
func DefaultConfig() Config {
	batch := Batch{Queue: 8192, Size: 512, Interval: 5 * time.Second, Timeout: 30 * time.Second}
	logBatch := batch
	logBatch.Interval = time.Second
	return Config{
		Propagators: []string{"tracecontext", "baggage"}, Propagation: PropagationLink, Trust: TrustNone,
		OTLP:   OTLP{Protocol: ProtocolHTTP, Compression: CompressionNone, Timeout: 10 * time.Second},
		Traces: Traces{Sampler: SamplerParentAlwaysOn, Ratio: 1, Processor: ProcessorBatch, Batch: batch},
		Metrics: Metrics{
			Interval: time.Minute, Timeout: 30 * time.Second, Temporality: TemporalityCumulative,
			Prometheus: Prometheus{Listen: "localhost:9464"},
		},
		Logs: Logs{
			Level: LevelInfo, Console: Console{Format: FormatAuto},
			File:      LogFile{Format: FormatJSON, MaxSizeMiB: 100, MaxFiles: 5},
			Processor: ProcessorBatch, Batch: logBatch,
		},
	}
}
