package telemetry

// Exporter is the destination of a signal.
type Exporter string

const (
	// ExporterOTLP sends to a collector or backend by the OpenTelemetry protocol. For all signals.
	ExporterOTLP Exporter = "otlp"
	// ExporterPrometheus offers metrics to a Prometheus server, which pulls them. Only for metrics.
	ExporterPrometheus Exporter = "prometheus"
	// ExporterConsole writes one JSON document in a line to the console. Only for traces and metrics; logs have their own console.
	ExporterConsole Exporter = "console"
)

// Choices returns all values. Each signal supports some of them.
func (Exporter) Choices() []string {
	return choices(ExporterOTLP, ExporterPrometheus, ExporterConsole)
}

// Protocol is the transport of OTLP.
type Protocol string

const (
	// ProtocolHTTP is protobuf in HTTP requests.
	ProtocolHTTP Protocol = "http/protobuf"
	// ProtocolGRPC is gRPC.
	ProtocolGRPC Protocol = "grpc"
)

// Choices returns all values.
func (Protocol) Choices() []string { return choices(ProtocolHTTP, ProtocolGRPC) }

// Compression is the compression of requests.
type Compression string

const (
	// CompressionNone does not compress.
	CompressionNone Compression = "none"
	// CompressionGzip needs about a tenth of the bytes, and processor time.
	CompressionGzip Compression = "gzip"
)

// Choices returns all values.
func (Compression) Choices() []string { return choices(CompressionNone, CompressionGzip) }

// Propagation says how the span of a transaction refers to the trace context that the transaction carries.
type Propagation string

const (
	// PropagationLink adds a link to it.
	PropagationLink Propagation = "link"
	// PropagationContinue makes it the parent.
	PropagationContinue Propagation = "continue"
)

// Choices returns all values.
func (Propagation) Choices() []string { return choices(PropagationLink, PropagationContinue) }

// Sampler decides which spans are recorded.
type Sampler string

const (
	// SamplerAlwaysOn records all.
	SamplerAlwaysOn Sampler = "always_on"
	// SamplerAlwaysOff records none.
	SamplerAlwaysOff Sampler = "always_off"
	// SamplerRatio records a part of all traces.
	SamplerRatio Sampler = "traceidratio"
	// SamplerParentAlwaysOn decides as the parent span did; without parent it records all.
	SamplerParentAlwaysOn Sampler = "parentbased_always_on"
	// SamplerParentAlwaysOff decides as the parent span did; without parent it records none.
	SamplerParentAlwaysOff Sampler = "parentbased_always_off"
	// SamplerParentRatio decides as the parent span did; without parent it records a part.
	SamplerParentRatio Sampler = "parentbased_traceidratio"
	// SamplerTransactions decides separately for each transaction, fetch and settlement, and records a part of them with everything
	// below them. The other samplers decide once for a trace: for all fetches and settlements of a finite run, and with
	// PropagationContinue for all transactions in the trace of a sender.
	SamplerTransactions Sampler = "transaction_ratio"
)

// Choices returns all values.
func (Sampler) Choices() []string {
	return choices(SamplerAlwaysOn, SamplerAlwaysOff, SamplerRatio, SamplerParentAlwaysOn, SamplerParentAlwaysOff,
		SamplerParentRatio, SamplerTransactions)
}

// Processor passes spans and log records to their exporters.
type Processor string

const (
	// ProcessorBatch collects them in a queue and sends them in batches, in the background.
	ProcessorBatch Processor = "batch"
	// ProcessorSimple sends each at once and blocks its creator meanwhile. It is for debugging.
	ProcessorSimple Processor = "simple"
)

// Choices returns all values.
func (Processor) Choices() []string { return choices(ProcessorBatch, ProcessorSimple) }

// Temporality is the starting point of the sums that are pushed.
type Temporality string

const (
	// TemporalityCumulative counts from the start of the program.
	TemporalityCumulative Temporality = "cumulative"
	// TemporalityDelta counts from the last export, except for instruments whose value can decrease.
	TemporalityDelta Temporality = "delta"
	// TemporalityLowMemory is delta for what is counted as it happens, and cumulative for what is read when it is exported.
	TemporalityLowMemory Temporality = "lowmemory"
)

// Choices returns all values.
func (Temporality) Choices() []string {
	return choices(TemporalityCumulative, TemporalityDelta, TemporalityLowMemory)
}

// Level is the minimum level of log records.
type Level string

// The levels of package slog.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Choices returns all values.
func (Level) Choices() []string { return choices(LevelDebug, LevelInfo, LevelWarn, LevelError) }

// Format is the form of log records.
type Format string

const (
	// FormatAuto is text on a terminal and JSON elsewhere.
	FormatAuto Format = "auto"
	// FormatText is key=value.
	FormatText Format = "text"
	// FormatJSON is a JSON object a line.
	FormatJSON Format = "json"
	// FormatNone writes nothing.
	FormatNone Format = "none"
)

// Choices returns all values.
func (Format) Choices() []string { return choices(FormatAuto, FormatText, FormatJSON, FormatNone) }

func choices[T ~string](values ...T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
