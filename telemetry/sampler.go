package telemetry

import (
	"fmt"
	"math/rand/v2"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
)

func samplerOf(t Traces) sdktrace.Sampler {
	switch t.Sampler {
	case SamplerAlwaysOn:
		return sdktrace.AlwaysSample()
	case SamplerAlwaysOff:
		return sdktrace.NeverSample()
	case SamplerRatio:
		return sdktrace.TraceIDRatioBased(t.Ratio)
	case SamplerParentAlwaysOff:
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case SamplerParentRatio:
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(t.Ratio))
	case SamplerTransactions:
		return &transactionSampler{ratio: t.Ratio, others: sdktrace.ParentBased(sdktrace.AlwaysSample())}
	default:
		return sdktrace.ParentBased(sdktrace.AlwaysSample())
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
	unit := p.Kind == trace.SpanKindConsumer
	switch p.Name {
	case spans.Fetch, spans.Settle, spans.ExtendLeases:
		unit = true
	}
	if !unit {
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

// Description names the sampler.
func (s *transactionSampler) Description() string {
	return fmt.Sprintf("TransactionRatio{%g}", s.ratio)
}
