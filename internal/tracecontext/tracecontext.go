// Package tracecontext carries traces in the metadata of transactions, as W3C Trace Context and Baggage say [O1]. What goes out
// carries the context of this hop; if nothing traces here, what came in is passed on as far as it is valid.
package tracecontext

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// Keys of metadata.
const (
	Traceparent = "traceparent"
	Tracestate  = "tracestate"
	Baggage     = "baggage"
)

// creationKey is what a context answers with the trace.SpanContext of the transaction that is created in it.
type creationKey struct{}

// WithCreation marks the span of ctx as the one that creates a transaction: what is sent below it carries that span, and not the
// span of the attempt that sends it.
func WithCreation(ctx context.Context) context.Context {
	return context.WithValue(ctx, creationKey{}, trace.SpanContextFromContext(ctx))
}

// Inject returns tx with the trace and the baggage of ctx.
func Inject(ctx context.Context, tx ergon.Transaction) ergon.Transaction {
	of := trace.SpanContextFromContext(ctx)
	if creation, ok := ctx.Value(creationKey{}).(trace.SpanContext); ok {
		of = creation
	}
	if b := baggage.FromContext(ctx); b.Len() > 0 {
		tx = tx.WithMetadata(Baggage, b.String())
	}
	return InjectSpan(of, tx)
}

// InjectSpan returns tx with that span; if the span is not valid, with the trace that tx has, as far as that is valid.
func InjectSpan(of trace.SpanContext, tx ergon.Transaction) ergon.Transaction {
	if of.IsValid() {
		var carrier propagation.MapCarrier = map[string]string{}
		propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), of), carrier)
		tx = tx.WithMetadata(Traceparent, carrier[Traceparent])
		if state := carrier[Tracestate]; state != "" {
			tx = tx.WithMetadata(Tracestate, state)
		} else {
			tx = tx.WithoutMetadata(Tracestate)
		}
	}
	for _, key := range invalid(tx) {
		tx = tx.WithoutMetadata(key)
	}
	return tx
}

// InjectAll is [Inject] for a batch, which it leaves as it is: it returns another if anything has to change, and allocates nothing
// otherwise [O2].
func InjectAll(ctx context.Context, batch []ergon.Transaction) []ergon.Transaction {
	traced := trace.SpanContextFromContext(ctx).IsValid() || baggage.FromContext(ctx).Len() > 0
	if !traced && !slices.ContainsFunc(batch, func(tx ergon.Transaction) bool { return len(invalid(tx)) > 0 }) {
		return batch
	}
	batch = slices.Clone(batch)
	for i, tx := range batch {
		batch[i] = Inject(ctx, tx)
	}
	return batch
}

// Extract is the span that a transaction carries; an invalid one if it carries none.
func Extract(tx ergon.Transaction) trace.SpanContext {
	if _, has := tx.Metadata(Traceparent); !has {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier{tx})
	return trace.SpanContextFromContext(ctx)
}

// invalid are the keys of tx that nobody could read: a state belongs to a traceparent, and goes with it. It allocates nothing if
// there are none.
func invalid(tx ergon.Transaction) (keys []string) {
	parent, has := tx.Metadata(Traceparent)
	valid := has && spans.IsTraceparent(parent)
	if has && !valid {
		keys = append(keys, Traceparent)
	}
	if state, has := tx.Metadata(Tracestate); has && (!valid || !isTracestate(state)) {
		keys = append(keys, Tracestate)
	}
	if text, has := tx.Metadata(Baggage); has && !isBaggage(text) {
		keys = append(keys, Baggage)
	}
	return keys
}

func isTracestate(text string) bool {
	_, err := trace.ParseTraceState(text)
	return err == nil && text != ""
}

func isBaggage(text string) bool {
	_, err := baggage.Parse(text)
	return err == nil && text != ""
}

// carrier lets a propagator read a transaction's metadata.
type carrier struct{ tx ergon.Transaction }

var _ propagation.TextMapCarrier = carrier{}

func (c carrier) Get(key string) string {
	value, _ := c.tx.Metadata(key)
	return value
}

// Set does nothing: a transaction is immutable, and Extract only reads.
func (c carrier) Set(string, string) {}

func (c carrier) Keys() []string {
	var keys []string
	for key := range c.tx.AllMetadata() {
		keys = append(keys, key)
	}
	return keys
}
