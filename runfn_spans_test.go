package ergon_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/otelrecord"
)

// traced runs fn below a span called "caller" and returns what was recorded below it, a line for each span as it ended.
func traced(t *testing.T, fn func(context.Context)) []string {
	t.Helper()
	var tracing otelrecord.Tracing
	ctx, span := tracing.Tracer("test").Start(t.Context(), "caller")
	fn(ctx)
	span.End()
	names := map[trace.SpanID]string{}
	for _, s := range tracing.Ended() {
		names[s.SpanContext.SpanID()] = s.Name
	}
	var lines []string
	for _, s := range tracing.Ended() {
		if s.Name != "caller" {
			lines = append(lines, describeSpan(s, names[s.Parent.SpanID()]))
		}
	}
	return lines
}

func describeSpan(s otelrecord.Span, parent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s < %s, %s", s.Name, parent, s.EndTime.Sub(s.StartTime))
	for _, a := range s.Attributes {
		fmt.Fprintf(&b, ", %s=%s", a.Key, a.Value.String())
	}
	if s.Status.Code == codes.Error {
		fmt.Fprintf(&b, ", error %q", s.Status.Description)
	}
	for _, e := range s.Events {
		fmt.Fprintf(&b, ", event %s with", e.Name)
		for _, a := range e.Attributes {
			fmt.Fprintf(&b, " %s", a.Key)
		}
	}
	return b.String()
}

// [O1]
func TestHealedAttemptIsAnErrorOnItsOwnSpanOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := traced(t, func(ctx context.Context) {
			var calls atomic.Int32
			fn := attempts(&calls, fails(errBoom), takes(time.Minute, "late"), takes(time.Second, "done"))
			_, err := ergon.RunFn(ctx, steady(3), fn, ergon.SpanName("load"))
			if err != nil {
				t.Fatal(err)
			}
		})
		want := []string{
			`load attempt 1 < load, 0s, ergon.attempt=1, error.type=SYSTEM, error "SYSTEM: boom", ` +
				"event exception with exception.type exception.message",
			`load attempt 2 < load, 10s, ergon.attempt=2, error.type=TIMEOUT, error "TIMEOUT: attempt timeout: no result within 10s", ` +
				"event exception with exception.type exception.message",
			`load attempt 3 < load, 1s, ergon.attempt=3`,
			`load < caller, 14s, ergon.policy.max_attempts=3, ergon.policy.timeout_ms=10000, ergon.policy.backoff_ms=1000, ergon.attempts=3`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		time.Sleep(time.Hour) // until the abandoned attempt has ended
	})
}

// [O1]
func TestRunThatFailedIsAnErrorOnTheSpanOfTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := traced(t, func(ctx context.Context) {
			var calls atomic.Int32
			if _, err := ergon.RunFn(ctx, steady(2), attempts(&calls, fails(errBoom), panics("oh no"))); err == nil {
				t.Fatal("no error")
			}
		})
		want := []string{
			`run_fn attempt 1 < run_fn, 0s, ergon.attempt=1, error.type=SYSTEM, error "SYSTEM: boom", ` +
				"event exception with exception.type exception.message",
			`run_fn attempt 2 < run_fn, 0s, ergon.attempt=2, error.type=SYSTEM, error "SYSTEM: panic: oh no", ` +
				"event exception with exception.stacktrace exception.type exception.message",
			`run_fn < caller, 1s, ergon.policy.max_attempts=2, ergon.policy.timeout_ms=10000, ergon.policy.backoff_ms=1000, ` +
				`ergon.attempts=2, error.type=SYSTEM, error "SYSTEM: panic: oh no (after 2 attempts)", ` +
				"event exception with exception.stacktrace exception.type exception.message",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	})
}

func TestFunctionSeesTheSpanOfItsAttempt(t *testing.T) {
	got := traced(t, func(ctx context.Context) {
		_, err := ergon.RunFn(ctx, steady(1), func(ctx context.Context) (int, error) {
			_, span := trace.SpanFromContext(ctx).TracerProvider().Tracer("user").Start(ctx, "inner")
			span.End()
			return 0, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if len(got) != 3 || !strings.HasPrefix(got[0], "inner < run_fn attempt 1,") {
		t.Errorf("spans are %q", got)
	}
}

// silentSpan does not record, and nobody should ask it for more.
type silentSpan struct {
	noop.Span
	t *testing.T
}

func (s silentSpan) TracerProvider() trace.TracerProvider {
	s.t.Error("a span that does not record was asked for its provider")
	return noop.NewTracerProvider()
}

// [O2]
func TestNothingIsMadeForASpanThatDoesNotRecord(t *testing.T) {
	ctx := trace.ContextWithSpan(t.Context(), silentSpan{t: t})
	if _, err := ergon.RunFn(ctx, steady(1), returns("done"), ergon.SpanName("load")); err != nil {
		t.Error(err)
	}
}
