package telemetry

import "time"

// Config is the section telemetry of a configuration. [DefaultConfig] is what it is decoded onto.
type Config struct {
	// Service is service.name. Default: the program's name.
	Service string `yaml:"service"`
	// Resource is further attributes of everything that is exported: {deployment.environment.name: production}.
	Resource map[string]string `yaml:"resource"`
	// Propagators are the formats that trace contexts travel in between services, for the instrumentation libraries that a
	// task uses: names of OTEL_PROPAGATORS. Transactions always carry W3C trace context. Default [tracecontext, baggage].
	Propagators []string `yaml:"propagators"`
	// Propagation says what the trace context that a transaction carries is for the span of the transaction: link (default),
	// which begins a trace for each transaction of its own, or continue, which goes on with the sender's.
	Propagation Propagation `yaml:"propagation"`
	// Trust says whose decision about sampling is followed with continue: TrustNone (default), nobody's; TrustAll,
	// everybody's; or a list of the tasks whose senders are trusted, a []string. A sampler that heeds no parent heeds none.
	Trust any `yaml:"trust"`
	// OTLP is where the exporters otlp of all signals send to, and how.
	OTLP OTLP `yaml:"otlp"`
	// Traces are the spans of runs, transactions and attempts.
	Traces Traces `yaml:"traces"`
	// Metrics are counts and durations.
	Metrics Metrics `yaml:"metrics"`
	// Logs are the records of the engine and of the tasks.
	Logs Logs `yaml:"logs"`

	// ConfigFile is a file of OpenTelemetry's declarative configuration, which takes the place of Service to Metrics and of
	// the exporters of Logs. The variable OTEL_CONFIG_FILE sets it; it has no key.
	ConfigFile string `yaml:"-"`
	// Disabled exports nothing, whatever else is set. The variable OTEL_SDK_DISABLED sets it; it has no key.
	Disabled bool `yaml:"-"`
}

// OTLP is how to reach a collector. As the setting of one signal, what is empty or 0 is that of telemetry.otlp.
type OTLP struct {
	// Endpoint is a URL; https encrypts. To that of telemetry.otlp, HTTP adds a path such as /v1/traces; that of a signal is
	// used as it is. Default http://localhost:4318, and by gRPC http://localhost:4317.
	Endpoint string `yaml:"endpoint"`
	// Protocol is http/protobuf (default) or grpc.
	Protocol Protocol `yaml:"protocol"`
	// Headers are sent with each request. They are secrets: they are not shown.
	Headers map[string]string `yaml:"headers"`
	// Compression is none (default) or gzip.
	Compression Compression `yaml:"compression"`
	// Timeout bounds the sending of one batch, repetitions included. Default 10s.
	Timeout time.Duration `yaml:"timeout"`
	// CAFile has the certificates that the server's is checked with, in PEM. Default: those of the system.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate and its key, in PEM, for servers that ask for one.
	CertFile string `yaml:"cert_file"`
	// KeyFile belongs to CertFile.
	KeyFile string `yaml:"key_file"`
}

// Batch is how a signal's queue is emptied.
type Batch struct {
	// Queue is how many wait at most; what comes when it is full is dropped. At least Size. Default 8192.
	Queue int `yaml:"queue"`
	// Size is how many are sent at once at most. At least 1. Default 512.
	Size int `yaml:"size"`
	// Interval is how long one waits at most before it is sent. More than 0. Default 5s for traces, 1s for logs.
	Interval time.Duration `yaml:"interval"`
	// Timeout bounds the export of one batch, whatever the exporter. More than 0. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// Traces is how spans are exported.
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
	// OTLP is what is different for traces.
	OTLP OTLP `yaml:"otlp"`
}

// Metrics is how metrics are exported.
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
	// OTLP is what is different for metrics.
	OTLP OTLP `yaml:"otlp"`
}

// Prometheus is where a server pulls metrics from.
type Prometheus struct {
	// Listen is the address that /metrics is served on. Empty: none; a program serves [Providers.Prometheus] itself.
	// Default localhost:9464.
	Listen string `yaml:"listen"`
}

// Logs is where log records go.
type Logs struct {
	// Level is how important a record is at least. Default info.
	Level Level `yaml:"level"`
	// Levels are levels by component: the name of a task, or the attribute "component" of a logger where it has one. One for
	// "db" is for "db.pool" as well.
	Levels map[string]Level `yaml:"levels"`
	// Console is what is written to standard error.
	Console Console `yaml:"console"`
	// File is what is written to a file.
	File LogFile `yaml:"file"`
	// Exporters are otlp, or none (default).
	Exporters []Exporter `yaml:"exporters"`
	// Processor is batch (default) or simple, for otlp.
	Processor Processor `yaml:"processor"`
	// Batch is for the processor batch.
	Batch Batch `yaml:"batch"`
	// OTLP is what is different for logs.
	OTLP OTLP `yaml:"otlp"`
}

// Console is standard error.
type Console struct {
	// Format is auto (default: text on a terminal, JSON elsewhere), text, json or none.
	Format Format `yaml:"format"`
}

// LogFile is a file that is moved aside when it is large, under a name with the time.
type LogFile struct {
	// Path is the file. Its folder is made. Empty (default): no file.
	Path string `yaml:"path"`
	// Format is json (default) or text.
	Format Format `yaml:"format"`
	// MaxSizeMiB is how large a file becomes, in MiB. At least 1. Default 100.
	MaxSizeMiB int `yaml:"max_size_mib"`
	// MaxFiles is how many files that were moved aside are kept; 0 keeps all. Default 5.
	MaxFiles int `yaml:"max_files"`
	// MaxAgeDays is for how many days they are kept; 0 (default) keeps them whatever their age.
	MaxAgeDays int `yaml:"max_age_days"`
	// Compress has them compressed by gzip. Default false.
	Compress bool `yaml:"compress"`
}

// DefaultConfig exports nothing and logs to the console.
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
