package telemetry

import (
	"fmt"
	"math/rand/v2"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
)

// sampler is that of the configuration. Those that heed a parent heed one that sent a transaction only where it is trusted.
func (c Config) sampler() sdktrace.Sampler {
	switch t := c.Traces; t.Sampler {
	case SamplerAlwaysOn:
		return sdktrace.AlwaysSample()
	case SamplerAlwaysOff:
		return sdktrace.NeverSample()
	case SamplerRatio:
		return sdktrace.TraceIDRatioBased(t.Ratio)
	case SamplerParentAlwaysOff:
		return c.heeding(sdktrace.NeverSample())
	case SamplerParentRatio:
		return c.heeding(sdktrace.TraceIDRatioBased(t.Ratio))
	case SamplerTransactions:
		return c.trusting(&transactionSampler{ratio: t.Ratio, others: sdktrace.ParentBased(sdktrace.AlwaysSample())})
	default:
		return c.heeding(sdktrace.AlwaysSample())
	}
}

// transactionSampler decides for the engine's units of work one by one, and for all other spans as their parents did.
type transactionSampler struct {
	ratio  float64
	others sdktrace.Sampler
}

var _ sdktrace.Sampler = (*transactionSampler)(nil)

// ShouldSample decides for one span.
func (s *transactionSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if !isUnit(p.Kind, p.Name) {
		return s.others.ShouldSample(p)
	}
	result := sdktrace.SamplingResult{
		Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState(),
	}
	if rand.Float64() < s.ratio {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// isUnit knows the spans that stand for one transaction, and those of the calls that are made for many.
func isUnit(kind trace.SpanKind, name string) bool {
	switch kind {
	case trace.SpanKindConsumer:
		return strings.HasPrefix(name, spans.ProcessPrefix)
	case trace.SpanKindProducer:
		return strings.HasPrefix(name, spans.PreparePrefix)
	case trace.SpanKindClient:
		return name == spans.Fetch || name == spans.Settle || name == spans.ExtendLeases
	default:
		return false
	}
}

// Description names the sampler.
func (s *transactionSampler) Description() string {
	return fmt.Sprintf("TransactionRatio{%g}", s.ratio)
}
