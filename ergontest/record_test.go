package ergontest_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest"
	"github.com/ergon-go/ergon/policy"
)

// [O1] What the engine, RunFn and the task itself trace is one tree.
func TestSpansAreRecordedAsATree(t *testing.T) {
	broken := errors.New("broken")
	rig := ergontest.RigOf(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer("mine")
		_, span := tracer.Start(ctx, "mine", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.Int("n", 1)))
		span.SetAttributes(attribute.Bool("b", true))
		span.AddEvent("halfway")
		span.RecordError(broken)
		span.SetStatus(codes.Error, "it broke")
		span.End()
		span.SetName("too late")
		retry := policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1}
		return ergon.RunFn(ctx, retry, func(context.Context) (int, error) { return 1, nil }, ergon.SpanName("look up"))
	}})
	report := rig.Run(t, ergon.NewTransaction("a", nil))
	only(t, report)
	parents := map[string]string{}
	for _, span := range report.Spans {
		parents[span.Name] = span.Parent
		own := slices.Contains([]string{"process task", "process attempt 1", "mine", "look up", "look up attempt 1"}, span.Name)
		if ofRun := span.Context.TraceID() == report.Spans[0].Context.TraceID(); !span.Ended || ofRun == own {
			t.Errorf("span %q: ended %v, in trace %v", span.Name, span.Ended, span.Context.TraceID())
		}
	}
	want := map[string]string{
		"task.run": "", "fetch": "task.run", "fetch attempt 1": "fetch", "process task": "", "process attempt 1": "process task",
		"mine": "process attempt 1", "look up": "process attempt 1", "look up attempt 1": "look up", "settle": "task.run",
		"settle attempt 1": "settle",
	}
	if diff := cmp.Diff(want, parents); diff != "" {
		t.Errorf("spans by their parents (-want +got):\n%s", diff)
	}
	mine := report.SpansNamed("mine")[0]
	if diff := cmp.Diff(map[string]any{"n": int64(1), "b": true}, mine.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if mine.Kind != trace.SpanKindClient || mine.Status != codes.Error || mine.Description != "it broke" ||
		len(mine.Errors) != 1 || !errors.Is(mine.Errors[0], broken) || len(mine.Events) != 1 || mine.Events[0] != "halfway" {
		t.Errorf("got %+v", mine)
	}
}

// [O3] Lines carry their ids without asking.
func TestLogLinesAreKeptWithTheirIds(t *testing.T) {
	rig := ergontest.NewRig(func(d *ergon.Dependencies) ergon.Task {
		logger := d.Logger().With("shop", 7).WithGroup("order").With("lines", 2)
		return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			err := ergontest.Take(time.Second)(ctx)
			logger.InfoContext(ctx, "looked at", slog.Group("sum", slog.Int("net", 5)))
			return nil, err
		}}
	})
	report := rig.Run(t, ergon.NewTransaction("a", nil))
	only(t, report)
	var mine []ergontest.Log
	for _, line := range report.Logs {
		if line.Message == "looked at" {
			mine = append(mine, line)
		}
	}
	if len(mine) != 1 {
		t.Fatalf("got %d lines of the task, want 1", len(mine))
	}
	if mine[0].At != time.Second || mine[0].Level != slog.LevelInfo {
		t.Errorf("got %v at %v", mine[0].Level, mine[0].At)
	}
	delete(mine[0].Attrs, "trace_id")
	delete(mine[0].Attrs, "span_id")
	want := map[string]any{
		"shop": int64(7), "order.lines": int64(2), "order.sum.net": int64(5),
		"task": "task", "worker": "task-1", "transaction_id": "a", "phase": "process", "attempt": int64(1),
	}
	if diff := cmp.Diff(want, mine[0].Attrs); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestFailureIsLoggedWithoutItsPayload(t *testing.T) {
	rig, _ := newRig()
	rig.Policy.Loop.OnException = policy.OnExceptionDiscard
	report := rig.Run(t, ergon.NewTransaction("a", []byte(`{"Street": "secret", "Street": 1}`)))
	for _, line := range report.Logs {
		if line.Level == slog.LevelWarn && line.Attrs["outcome"] == "discarded" {
			return
		}
	}
	t.Errorf("no warning about what was discarded in %+v", report.Logs)
}
