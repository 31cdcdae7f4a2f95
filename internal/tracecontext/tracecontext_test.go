package tracecontext_test

import (
	"context"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/tracecontext"
)

const sender = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func spanOf(id byte, state string) trace.SpanContext {
	parsed, _ := trace.ParseTraceState(state)
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{id}, SpanID: trace.SpanID{id}, TraceFlags: trace.FlagsSampled, TraceState: parsed,
	})
}

func within(of trace.SpanContext) context.Context {
	return trace.ContextWithSpanContext(context.Background(), of)
}

const (
	first  = "00-01000000000000000000000000000000-0100000000000000-01"
	second = "00-02000000000000000000000000000000-0200000000000000-01"
)

type metadata = map[string]string

func with(m metadata) ergon.Transaction {
	tx := ergon.NewTransaction("a", nil)
	for key, value := range m {
		tx = tx.WithMetadata(key, value)
	}
	return tx
}

// [O1] What goes out carries the context of this hop; without one, what came in and is valid. Other metadata stays.
func TestWhatGoesOutCarriesThisHop(t *testing.T) {
	items, _ := baggage.Parse("tenant=8")
	for name, c := range map[string]struct {
		ctx        context.Context
		came, want metadata
	}{
		"nothing to nothing": {context.Background(), nil, nil},
		"a span to nothing":  {within(spanOf(1, "")), nil, metadata{"traceparent": first}},
		"a span with state":  {within(spanOf(1, "v=1")), nil, metadata{"traceparent": first, "tracestate": "v=1"}},
		"a span replaces its state": {
			within(spanOf(1, "")), metadata{"traceparent": sender, "tracestate": "v=1"}, metadata{"traceparent": first},
		},
		"baggage only": {
			baggage.ContextWithBaggage(context.Background(), items),
			metadata{"traceparent": sender, "baggage": "tenant=7"},
			metadata{"traceparent": sender, "baggage": "tenant=8"},
		},
		"a creation before an attempt": {
			trace.ContextWithSpanContext(tracecontext.WithCreation(within(spanOf(1, ""))), spanOf(2, "")), nil, metadata{"traceparent": first},
		},
		"valid is passed on": {
			context.Background(),
			metadata{"traceparent": sender, "tracestate": "v=1", "baggage": "tenant=7"},
			metadata{"traceparent": sender, "tracestate": "v=1", "baggage": "tenant=7"},
		},
		"garbage is not": {context.Background(), metadata{"traceparent": "garbage", "tracestate": "v=1", "baggage": "=;"}, nil},
		"a state alone":  {context.Background(), metadata{"tracestate": "v=1"}, nil},
		"a bad state":    {context.Background(), metadata{"traceparent": sender, "tracestate": "=="}, metadata{"traceparent": sender}},
		"empty": {
			context.Background(), metadata{"traceparent": sender, "tracestate": "", "baggage": ""}, metadata{"traceparent": sender},
		},
	} {
		came := with(c.came).WithMetadata("other", "stays")
		want := metadata{"other": "stays"}
		maps.Copy(want, c.want)
		before := maps.Collect(came.AllMetadata())
		for how, got := range map[string]ergon.Transaction{
			"one": tracecontext.Inject(c.ctx, came), "batch": tracecontext.InjectAll(c.ctx, []ergon.Transaction{with(nil), came})[1],
		} {
			if diff := cmp.Diff(want, maps.Collect(got.AllMetadata())); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, how, diff)
			}
		}
		if diff := cmp.Diff(before, maps.Collect(came.AllMetadata())); diff != "" {
			t.Errorf("%s changed its argument:\n%s", name, diff)
		}
	}
}

// [O1] A transaction links to the span that it carries, and to none if that is not valid.
func TestSpanThatATransactionCarriesIsExtracted(t *testing.T) {
	got := tracecontext.Extract(with(metadata{"traceparent": second, "tracestate": "v=1"}))
	if got.TraceID() != (trace.TraceID{2}) || got.SpanID() != (trace.SpanID{2}) || !got.IsRemote() || got.TraceState().Get("v") != "1" {
		t.Errorf("got %+v", got)
	}
	for _, text := range []string{"", "garbage", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if got := tracecontext.Extract(with(metadata{"traceparent": text})); got.IsValid() {
			t.Errorf("%q: got %+v", text, got)
		}
	}
	if tracecontext.Extract(with(nil)).IsValid() {
		t.Error("a transaction without a trace has a span")
	}
}

// [O2] A batch to which nothing has to change is the same one, and costs nothing.
func TestBatchThatNeedsNoChangeIsNotCopied(t *testing.T) {
	batch := []ergon.Transaction{with(nil), with(metadata{"traceparent": sender})}
	var got []ergon.Transaction
	if n := testing.AllocsPerRun(100, func() { got = tracecontext.InjectAll(t.Context(), batch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if &got[0] != &batch[0] {
		t.Error("it was copied")
	}
	bad := []ergon.Transaction{with(nil), with(metadata{"tracestate": "v=1"})}
	if got := tracecontext.InjectAll(t.Context(), bad); &got[0] == &bad[0] {
		t.Error("the caller's batch was changed")
	}
}
