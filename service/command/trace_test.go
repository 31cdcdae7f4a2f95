//go:build unix

package command_test

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/service/command"
)

// [O1] Where nothing traces, a program gets what came with the transaction, if it is valid; otherwise this hop's.
func TestProgramIsToldOfTheTrace(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	state, err := trace.ParseTraceState("own=1")
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state})
	c := command.DefaultConfig()
	c.Argv = []string{"sh", "-c", `cat >/dev/null; printf %s "$TRACEPARENT $TRACESTATE $BAGGAGE $ERGON_META_TRACEPARENT"`}
	program := newCommand(t, c, nil)
	for name, test := range map[string]struct {
		parent, state, baggage string
		traced                 bool
		want                   string
	}{
		"valid":          {parent, "vendor=x", "tenant=7", false, parent + " vendor=x tenant=7 "},
		"invalid":        {"garbage", "vendor=x", "=;", false, "   "},
		"traced":         {parent, "vendor=x", "tenant=7", true, "00-01000000000000000000000000000000-0200000000000000-00 own=1 tenant=7 "},
		"traced, no use": {"garbage", "vendor=x", "=;", true, "00-01000000000000000000000000000000-0200000000000000-00 own=1  "},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if test.traced {
				ctx = trace.ContextWithSpanContext(ctx, span)
			}
			tx := ergon.NewTransaction("a", nil).WithMetadata("traceparent", test.parent).WithMetadata("tracestate", test.state).
				WithMetadata("baggage", test.baggage)
			got, err := program.Call(ctx, tx, nil)
			if err != nil || string(got) != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
