package pipeline

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// Keys of metadata that carry a trace.
const (
	traceparent    = "traceparent"
	tracestate     = "tracestate"
	carriedBaggage = "baggage"
)

// madeKey is what a context answers with the trace.SpanContext of the transaction that is being made in it: what is sent
// carries the span of its making, and not that of the attempt that sends it.
type madeKey struct{}

// making returns ctx, which has the span of a transaction, as the one that it is made in.
func making(ctx context.Context) context.Context {
	return context.WithValue(ctx, madeKey{}, trace.SpanContextFromContext(ctx))
}

// withTrace returns tx with the context of this hop in its metadata, so that whoever consumes it links to it, or goes on with it.
// What its metadata had came from the hop before. Where nothing traces here that is passed on, as far as it is valid.
func withTrace(ctx context.Context, tx ergon.Transaction) ergon.Transaction {
	of := trace.SpanContextFromContext(ctx)
	if made, ok := ctx.Value(madeKey{}).(trace.SpanContext); ok {
		of = made
	}
	if b := baggage.FromContext(ctx); b.Len() > 0 {
		tx = tx.WithMetadata(carriedBaggage, b.String())
	}
	if !of.IsValid() {
		return withoutInvalidTrace(tx)
	}
	return withoutInvalidTrace(carrying(tx, of))
}

// carrying returns tx with a span in its metadata.
func carrying(tx ergon.Transaction, of trace.SpanContext) ergon.Transaction {
	var carrier propagation.MapCarrier = map[string]string{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), of), carrier)
	tx = tx.WithMetadata(traceparent, carrier[traceparent])
	if state := carrier[tracestate]; state != "" {
		return tx.WithMetadata(tracestate, state)
	}
	return tx.WithoutMetadata(tracestate)
}

// withoutInvalidTrace returns tx without what nobody could read: a state belongs to a context, and goes with it.
func withoutInvalidTrace(tx ergon.Transaction) ergon.Transaction {
	for _, key := range invalidTrace(tx) {
		tx = tx.WithoutMetadata(key)
	}
	return tx
}

// invalidTrace are the keys of a trace in tx that are not valid. It allocates nothing where there are none.
func invalidTrace(tx ergon.Transaction) (keys []string) {
	parent, has := tx.Metadata(traceparent)
	valid := has && spans.IsTraceparent(parent)
	if has && !valid {
		keys = append(keys, traceparent)
	}
	if state, has := tx.Metadata(tracestate); has && (!valid || !isTracestate(state)) {
		keys = append(keys, tracestate)
	}
	if text, has := tx.Metadata(carriedBaggage); has && !isBaggage(text) {
		keys = append(keys, carriedBaggage)
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

// stamped returns batch with the context of this hop in its metadata.
func stamped(ctx context.Context, batch []ergon.Transaction) []ergon.Transaction {
	unsaid := !trace.SpanContextFromContext(ctx).IsValid() && baggage.FromContext(ctx).Len() == 0
	if unsaid && !slices.ContainsFunc(batch, func(tx ergon.Transaction) bool { return len(invalidTrace(tx)) > 0 }) {
		return batch
	}
	batch = slices.Clone(batch)
	for i, tx := range batch {
		batch[i] = withTrace(ctx, tx)
	}
	return batch
}

// senderOf is the context that a transaction carries; an invalid one where it carries none.
func senderOf(tx ergon.Transaction) trace.SpanContext {
	if _, has := tx.Metadata(traceparent); !has {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), metadataCarrier{tx})
	return trace.SpanContextFromContext(ctx)
}

// metadataCarrier lets a propagator read a transaction's metadata.
type metadataCarrier struct{ tx ergon.Transaction }

var _ propagation.TextMapCarrier = metadataCarrier{}

func (m metadataCarrier) Get(key string) string {
	v, _ := m.tx.Metadata(key)
	return v
}

// Set does nothing: a transaction is immutable, and a consumer only reads.
func (m metadataCarrier) Set(string, string) {}

func (m metadataCarrier) Keys() []string {
	var keys []string
	for k := range m.tx.AllMetadata() {
		keys = append(keys, k)
	}
	return keys
}
