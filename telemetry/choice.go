package telemetry

// Exporter is where a signal goes.
type Exporter string

const (
	// ExporterOTLP sends to a collector or backend by the OpenTelemetry protocol. For all signals.
	ExporterOTLP Exporter = "otlp"
	// ExporterPrometheus keeps metrics for a Prometheus server to pull. For metrics.
	ExporterPrometheus Exporter = "prometheus"
	// ExporterConsole writes JSON, one document a line, to the console. For traces and metrics; logs have a console anyway.
	ExporterConsole Exporter = "console"
)

// Choices are all of them; each signal has some.
func (Exporter) Choices() []string {
	return choices(ExporterOTLP, ExporterPrometheus, ExporterConsole)
}

// Protocol is how OTLP is spoken.
type Protocol string

const (
	// ProtocolHTTP is protobuf in HTTP requests.
	ProtocolHTTP Protocol = "http/protobuf"
	// ProtocolGRPC is gRPC.
	ProtocolGRPC Protocol = "grpc"
)

// Choices are all of them.
func (Protocol) Choices() []string { return choices(ProtocolHTTP, ProtocolGRPC) }

// Compression is what requests are compressed by.
type Compression string

const (
	// CompressionNone sends as it is.
	CompressionNone Compression = "none"
	// CompressionGzip trades processor time for a tenth of the bytes.
	CompressionGzip Compression = "gzip"
)

// Choices are all of them.
func (Compression) Choices() []string { return choices(CompressionNone, CompressionGzip) }

// Propagation is what the context that a transaction carries is for its span.
type Propagation string

const (
	// PropagationLink links the span to it.
	PropagationLink Propagation = "link"
	// PropagationContinue has it be the parent.
	PropagationContinue Propagation = "continue"
)

// Choices are all of them.
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
	// SamplerTransactions decides for each transaction, fetch and settlement by itself, and records a part of them, with
	// all that is below them. The others would record all fetches and settlements of a finite run or none, as they are in one
	// trace, and all transactions of a sender's trace with PropagationContinue.
	SamplerTransactions Sampler = "transaction_ratio"
)

// Choices are all of them.
func (Sampler) Choices() []string {
	return choices(SamplerAlwaysOn, SamplerAlwaysOff, SamplerRatio, SamplerParentAlwaysOn, SamplerParentAlwaysOff,
		SamplerParentRatio, SamplerTransactions)
}

// Processor is how spans and log records get to their exporters.
type Processor string

const (
	// ProcessorBatch collects them in a queue and sends them together, beside the work.
	ProcessorBatch Processor = "batch"
	// ProcessorSimple sends each at once; what made it waits. For looking at a few.
	ProcessorSimple Processor = "simple"
)

// Choices are all of them.
func (Processor) Choices() []string { return choices(ProcessorBatch, ProcessorSimple) }

// Temporality is what a sum that is pushed counts from.
type Temporality string

const (
	// TemporalityCumulative counts from the start of the program.
	TemporalityCumulative Temporality = "cumulative"
	// TemporalityDelta counts from the last export, except for what can go down as well.
	TemporalityDelta Temporality = "delta"
	// TemporalityLowMemory is delta for what is counted as it happens, and cumulative for what is read when it is exported.
	TemporalityLowMemory Temporality = "lowmemory"
)

// Choices are all of them.
func (Temporality) Choices() []string {
	return choices(TemporalityCumulative, TemporalityDelta, TemporalityLowMemory)
}

// Level is how important a log record is at least.
type Level string

// The levels of package slog.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Choices are all of them.
func (Level) Choices() []string { return choices(LevelDebug, LevelInfo, LevelWarn, LevelError) }

// Format is how log records are written.
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

// Choices are all of them.
func (Format) Choices() []string { return choices(FormatAuto, FormatText, FormatJSON, FormatNone) }

func choices[T ~string](values ...T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
