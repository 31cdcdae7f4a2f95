package spans_test

import (
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
)

// [O1] What is passed on is what a consumer can read.
func TestTraceparentIsValidWhereTheStandardSaysSo(t *testing.T) {
	const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for text, want := range map[string]bool{
		valid: true, valid[:53] + "00": true, "cc" + valid[2:] + "-more": true, "cc" + valid[2:]: true,
		"": false, "garbage": false, valid[:54]: false, valid + "-more": false, "cc" + valid[2:] + "more": false, "ff" + valid[2:]: false,
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g": false,
		"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": false,
	} {
		if got := spans.IsTraceparent(text); got != want {
			t.Errorf("%q is valid: %v, want %v", text, got, want)
		}
		ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": text})
		if read := trace.SpanContextFromContext(ctx).IsValid(); want && !read {
			t.Errorf("%q is passed on, and cannot be read", text)
		}
	}
	is := false
	if n := testing.AllocsPerRun(100, func() { is = spans.IsTraceparent(valid) }); n != 0 || !is {
		t.Errorf("%v allocations and %t, want none and true", n, is)
	}
}
