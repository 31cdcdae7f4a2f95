package runner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/otelrecord"
	"github.com/ergon-go/ergon/runner"
)

// [O1] The start of a worker is a span, and so is the opening of each component, whether it has something to open or not.
func TestStartIsASpanWithOneForEachComponent(t *testing.T) {
	var tracing otelrecord.Tracing
	c := newRecordedTask(1)
	c.config.Services["bare"] = given("nothing to open")
	if _, err := manage(t, runner.Settings{TracerProvider: &tracing}, c.config).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := tracing.Ended()
	i := slices.IndexFunc(all, func(s otelrecord.Span) bool { return s.Name == "task.start" })
	if i < 0 {
		t.Fatal("got no span task.start")
	}
	start := all[i]
	var got []string
	for _, s := range all[:i] {
		if s.Parent.SpanID() != start.SpanContext.SpanID() || s.Status.Code != codes.Unset {
			t.Errorf("got span %s below %s with status %v, want it below task.start without one", s.Name, s.Parent.SpanID(), s.Status)
		}
		got = append(got, describe(s))
	}
	const of = " ergon.task=triage ergon.worker=triage-1"
	want := []string{
		"open airports: ergon.service=airports ergon.component.type=part" + of,
		"open bare: ergon.service=bare ergon.component.type=given" + of,
		"open energy: ergon.service=energy ergon.component.type=part" + of,
		"open input: ergon.connector=input ergon.component.type=part" + of,
		"open letters: ergon.connector=letters ergon.component.type=part" + of,
		"open tickets: ergon.connector=tickets ergon.component.type=part" + of,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	if start.Parent.IsValid() || describe(start) != "task.start:"+of {
		t.Errorf("got %s below %v, want a root", describe(start), start.Parent)
	}
	for _, s := range all[i:] {
		if s.Name == "task.run" && s.Parent.IsValid() {
			t.Error("got task.run below another span, want a root")
		}
	}
}

func describe(s otelrecord.Span) string {
	var b strings.Builder
	b.WriteString(s.Name + ":")
	for _, a := range s.Attributes {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value.String())
	}
	return b.String()
}

// [O1]
func TestFailureToStartIsOnItsSpans(t *testing.T) {
	var tracing otelrecord.Tracing
	c := newRecordedTask(1)
	c.input.onOpen = func(context.Context) error { panic("boom") }
	if _, err := manage(t, runner.Settings{TracerProvider: &tracing}, c.config).Run(t.Context()); err == nil {
		t.Fatal("got no error")
	}
	failed := map[string]int{}
	for _, s := range tracing.Ended() {
		if s.Status.Code != codes.Error {
			continue
		}
		failed[s.Name]++
		stack := slices.ContainsFunc(s.Events[0].Attributes, func(a attribute.KeyValue) bool {
			return a.Key == "exception.stacktrace" && strings.Contains(a.Value.AsString(), "telemetry_test.go")
		})
		if s.Status.Description != `open connector "input" (part): panic: boom` || !stack {
			t.Errorf("got %v with %v on %s, want the panic and its stack", s.Status, s.Events, s.Name)
		}
	}
	if len(failed) != 2 || failed["task.start"] != 1 || failed["open input"] != 1 {
		t.Errorf("got failed spans %v, want task.start and open input", failed)
	}
}

// [O3] Log lines of tasks and components name the task and the worker. The stack of a panic is logged.
func TestLogRecordsCarryTaskAndWorker(t *testing.T) {
	var log safeLog
	c := newRecordedTask(1)
	c.config.New = func(d *ergon.Dependencies) ergon.Task {
		c.airports.onClose = func(ctx context.Context) error {
			d.Logger().InfoContext(ctx, "closing")
			panic("boom")
		}
		return ergon.Task{
			Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				d.Logger().InfoContext(ctx, "processing")
				return nil, nil
			},
			Exit: func(ctx context.Context) error {
				d.Logger().InfoContext(ctx, "leaving")
				return nil
			},
		}
	}
	if _, err := manage(t, runner.Settings{Logger: log.logger()}, c.config).Run(t.Context()); err == nil {
		t.Fatal("got no error of the panic")
	}
	for _, want := range []string{
		"msg=processing task=triage worker=triage-1 transaction_id=t0 phase=process attempt=1",
		"msg=leaving task=triage worker=triage-1\n",
		"msg=closing task=triage worker=triage-1\n",
		`level=ERROR msg="panic outside of the loop" error="close service \"airports\" (part): panic: boom" stack="goroutine `,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got log\n%s\nwant in it\n%s", log.String(), want)
		}
	}
}
