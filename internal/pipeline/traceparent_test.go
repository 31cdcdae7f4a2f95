package pipeline_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// hopped is what a transaction carried on, and what was seen on the way.
type hopped struct {
	sent, letter map[string]string
	spans        *instruments
	baggage      string // in the handler's context
}

// hop has a task send on what it gets, by a coalescer and with the metadata that it came with, and fail where fails is set.
func hop(t *testing.T, came map[string]string, fails bool, change func(*rig) *instruments) hopped {
	t.Helper()
	got := hopped{sent: map[string]string{}, letter: map[string]string{}}
	tx := ergon.NewTransaction("a", nil)
	for key, value := range came {
		tx = tx.WithMetadata(key, value)
	}
	to := coalesce.New(dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
		maps.Insert(got.sent, batch[0].AllMetadata())
		return nil
	}), policy.ProducerBatch{Size: 1})
	r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		got.baggage = baggage.FromContext(ctx).String()
		if err := to.DispatchTransactions(ctx, []ergon.Transaction{tx.WithPayload("made of it")}); err != nil || fails {
			return nil, ergon.Business(errScripted)
		}
		return nil, nil
	}})
	r.Source = memory.New(memory.Settings{Transactions: []ergon.Transaction{tx}, Finite: true})
	r.DeadLetters = dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
		got.letter = batch[0].Payload().(deadletter.Record).Metadata
		return nil
	})
	got.spans = change(r)
	r.run(t)
	return got
}

type dispatcher func(context.Context, []ergon.Transaction) error

func (d dispatcher) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	return d(ctx, batch)
}

func asHeader(of trace.SpanContext) string {
	return "00-" + of.TraceID().String() + "-" + of.SpanID().String() + "-" + of.TraceFlags().String()
}

var cameWith = map[string]map[string]string{
	"nothing": {},
	"valid":   {"traceparent": producer, "tracestate": "vendor=x", "baggage": "tenant=7"},
	"garbage": {"traceparent": "garbage", "tracestate": "vendor=x", "baggage": "=;"},
	"zeroes":  {"traceparent": "00-00000000000000000000000000000000-0000000000000000-01", "tracestate": "=="},
	"state":   {"tracestate": "vendor=x"},
}

// [O1] What goes out carries the context of this hop, whatever came in.
func TestEachHopHasItsOwnContext(t *testing.T) {
	for name, came := range cameWith {
		for _, continues := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				got := hop(t, came, true, func(r *rig) *instruments {
					r.ContinueTraces = continues
					return r.instrument()
				})
				process := got.spans.named("process task")[0]
				attempt := got.spans.named("process attempt 1")[0]
				if want := asHeader(attempt.SpanContext); got.sent["traceparent"] != want {
					t.Errorf("%s, continue %v: sent %q, want that of the attempt, %s", name, continues, got.sent["traceparent"], want)
				}
				if want := asHeader(process.SpanContext); got.letter["traceparent"] != want {
					t.Errorf("%s, continue %v: the letter has %q, want that of the transaction, %s", name, continues, got.letter["traceparent"], want)
				}
				state, items := "", ""
				if name == "valid" {
					items = "tenant=7"
				}
				if name == "valid" && continues {
					state = "vendor=x"
				}
				for what, carried := range map[string]map[string]string{"sent": got.sent, "letter": got.letter} {
					if carried["tracestate"] != state || carried["baggage"] != items {
						t.Errorf("%s, continue %v, %s: state %q and baggage %q, want %q and %q",
							name, continues, what, carried["tracestate"], carried["baggage"], state, items)
					}
				}
				if in := map[bool]string{true: items}[continues]; got.baggage != in {
					t.Errorf("%s, continue %v: the handler's baggage is %q, want %q", name, continues, got.baggage, in)
				}
			})
		}
	}
}

// [O1] Where nothing traces, what is valid is passed on as it is, and nothing else.
func TestWhereNothingTracesWhatIsValidIsPassedOn(t *testing.T) {
	for name, came := range cameWith {
		synctest.Test(t, func(t *testing.T) {
			got := hop(t, came, true, func(*rig) *instruments { return nil })
			for what, carried := range map[string]map[string]string{"sent": got.sent, "letter": got.letter} {
				for _, key := range []string{"traceparent", "tracestate", "baggage"} {
					want := ""
					if name == "valid" {
						want = came[key]
					}
					if value, has := carried[key]; value != want || has != (want != "") {
						t.Errorf("%s, %s: %s is %q, want %q", name, what, key, value, want)
					}
				}
			}
		})
	}
}

// [O1] By default a transaction has a trace that its sender's is linked to; with continue it is a part of the sender's.
func TestSenderIsLinkOrParent(t *testing.T) {
	for _, continues := range []bool{false, true} {
		for name, came := range cameWith {
			synctest.Test(t, func(t *testing.T) {
				got := hop(t, came, false, func(r *rig) *instruments {
					r.ContinueTraces = continues
					return r.instrument()
				})
				span := got.spans.named("process task")[0]
				below := span.Parent.IsRemote() &&
					strings.HasPrefix(producer, "00-"+span.Parent.TraceID().String()+"-"+span.Parent.SpanID().String())
				if want := continues && name == "valid"; below != want {
					t.Errorf("%s, continue %v: below its sender: %v", name, continues, below)
				}
				linked := false
				for _, link := range span.Links {
					linked = linked || strings.HasPrefix(producer, "00-"+link.SpanContext.TraceID().String())
				}
				if want := !continues && name == "valid"; linked != want {
					t.Errorf("%s, continue %v: linked to its sender: %v", name, continues, linked)
				}
				if below && span.SpanContext.TraceState().Get("vendor") != "x" {
					t.Error("the state of the sender's trace was not carried")
				}
				loop := got.spans.named("task.run")[0]
				if below && (len(span.Links) != 1 || span.Links[0].SpanContext.SpanID() != loop.SpanContext.SpanID()) {
					t.Errorf("it has %d links, want one to the loop", len(span.Links))
				}
			})
		}
	}
}

// [O2] What carries no trace, or a valid one, is dispatched as it is where nothing traces.
func TestCheckingWhatIsCarriedAllocatesNothing(t *testing.T) {
	to := coalesce.New(dispatcher(func(context.Context, []ergon.Transaction) error { return nil }), policy.ProducerBatch{Size: 1})
	for name, tx := range map[string]ergon.Transaction{
		"nothing": ergon.NewTransaction("a", nil), "a trace": ergon.NewTransaction("a", nil).WithMetadata("traceparent", producer),
	} {
		batch := []ergon.Transaction{tx}
		plain := testing.AllocsPerRun(200, func() { _ = to.DispatchTransactions(t.Context(), nil) })
		if n := testing.AllocsPerRun(200, func() { _ = to.DispatchTransactions(t.Context(), batch) }); n > plain {
			t.Errorf("%s: %v allocations more than for nothing", name, n-plain)
		}
	}
}
