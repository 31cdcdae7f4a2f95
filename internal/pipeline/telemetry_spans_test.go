package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
)

// [O1] A healed attempt is an error on its own span only, whether it failed or was taken over at its deadline.
func TestHealedAttemptIsAnErrorOnItsOwnSpanOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := finite(t).ended()
		labels := labels(all)
		for _, id := range []string{"heals", "late"} {
			var failed []string
			for _, s := range all {
				label := labels[s.SpanContext.SpanID()]
				if strings.Contains(label, "["+id+"]") && (s.Status.Code != codes.Unset || len(s.Events) > 0) {
					failed = append(failed, label)
				}
			}
			if len(failed) != 1 || failed[0] != "process attempt 1 ["+id+"]" {
				t.Errorf("got errors on %q of %s, want one on its first attempt", failed, id)
			}
		}
	})
}

// [O1] A span that never ends is never seen, so nothing may be below one: fetches and transactions of a streaming loop are
// roots, of traces of their own, and each transaction is linked to the fetch that brought it.
func TestStreamingLoopIsNoSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := streaming(t)
		if n := len(got.named("task.run")); n != 0 {
			t.Errorf("got %d spans of the loop, want none", n)
		}
		fetches := map[trace.SpanID]bool{}
		for _, s := range got.named("fetch") {
			fetches[s.SpanContext.SpanID()] = true
			if s.Parent.IsValid() {
				t.Error("got a fetch below another span, want a root")
			}
		}
		brought, traces := map[trace.SpanID]string{}, map[trace.TraceID]bool{}
		transactions := got.named("process task")
		for _, s := range transactions {
			id := valueOf(s, "messaging.message.id")
			if s.Parent.IsValid() || traces[s.SpanContext.TraceID()] {
				t.Errorf("transaction %s is in another's trace", id)
			}
			traces[s.SpanContext.TraceID()] = true
			if len(s.Links) == 0 {
				t.Errorf("transaction %s is linked to nothing", id)
				continue
			}
			fetch := s.Links[len(s.Links)-1].SpanContext.SpanID()
			if !fetches[fetch] || brought[fetch] != "" {
				t.Errorf("transaction %s is linked to %s, which is no fetch, or that of %q", id, fetch, brought[fetch])
			}
			brought[fetch] = id
		}
		if len(transactions) != 3 {
			t.Errorf("got %d transactions, want 3", len(transactions))
		}
	})
}

// [O1] A finite loop has a span, which ends last. Its fetches and settlements are below it. Each transaction has a trace of its
// own, with all its attempts, and is linked to the loop: a trace is not as large as what the source holds.
func TestTransactionsOfAFiniteLoopHaveTracesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := finite(t)
		loops := got.named("task.run")
		if len(loops) != 1 || loops[0].Parent.IsValid() {
			t.Fatalf("got %d spans of the loop, want one that is a root", len(loops))
		}
		loop := loops[0].SpanContext
		roots, traces := map[trace.TraceID]bool{}, map[trace.TraceID]bool{}
		for _, s := range got.ended() {
			of, first := s.SpanContext.TraceID(), strings.Fields(s.Name)[0]
			switch {
			case s.EndTime.After(loops[0].EndTime):
				t.Errorf("span %q ends after the loop", s.Name)
			case s.Name == "process task":
				if s.Parent.IsValid() || roots[of] || len(s.Links) == 0 || !s.Links[len(s.Links)-1].SpanContext.Equal(loop) {
					t.Errorf("transaction %s is below %v with links %v", valueOf(s, "messaging.message.id"), s.Parent.SpanID(), s.Links)
				}
				roots[of] = true
			case first == "process", first == "success", first == "exception":
				traces[of] = true
			case of != loop.TraceID():
				t.Errorf("span %q is in another trace than the loop", s.Name)
			}
		}
		if len(roots) < 2 || roots[loop.TraceID()] {
			t.Errorf("got transactions in %d traces, the loop's among them: %v", len(roots), roots[loop.TraceID()])
		}
		for of := range traces {
			if !roots[of] {
				t.Error("an attempt is in no transaction's trace")
			}
		}
	})
}

// [O1] Who produced a transaction is found by its metadata; what is no trace context there is not heeded.
func TestTransactionIsLinkedToItsProducer(t *testing.T) {
	for name, test := range map[string]struct {
		traceparent string
		links       int
	}{
		"valid": {producer, 1}, "none": {"", 0}, "garbage": {"garbage", 0},
		"zero": {"00-00000000000000000000000000000000-0000000000000000-01", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newWorks(&works{})
				tx := jobs("succeeds")[0]
				if test.traceparent != "" {
					tx = tx.WithMetadata("traceparent", test.traceparent)
				}
				r.Source = memory.New(memory.Settings{Transactions: []ergon.Transaction{tx}, Finite: true})
				i := r.instrument()
				r.run(t)
				links := i.named("process task")[0].Links
				if n := len(links); n == 0 || !links[n-1].SpanContext.Equal(i.named("task.run")[0].SpanContext) {
					t.Fatalf("got links %v, want one to the loop", links)
				}
				links = links[:len(links)-1]
				if len(links) != test.links {
					t.Fatalf("got %d links, want %d", len(links), test.links)
				}
				for _, link := range links {
					if got := link.SpanContext.TraceID().String() + "-" + link.SpanContext.SpanID().String(); !strings.Contains(producer, got) {
						t.Errorf("linked to %s, want %s", got, producer)
					}
				}
			})
		})
	}
}

// [O1] Shutdown is no failure: a fetch that it cuts short is none in spans and metrics either.
func TestFetchCutShortByShutdownIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWorks(&works{})
		r.Source = memory.WithFaults(memory.New(memory.Settings{}), memory.Stall(memory.OnFetch, time.Hour))
		r.Policy.Loop.Streaming = true
		r.Policy.Fetch.Retry.Timeout = 2 * time.Hour
		i := r.instrument()
		ctx, cancel := context.WithCancelCause(t.Context())
		r.start(ctx, t)
		time.Sleep(time.Second)
		cancel(ergon.ErrInterrupted)
		if err := r.wait(); !errors.Is(err, ergon.ErrInterrupted) {
			t.Fatal(err)
		}
		fetches := i.named("fetch")
		if len(fetches) != 1 || fetches[0].Status.Code != codes.Unset || len(fetches[0].Events) > 0 || valueOf(fetches[0], "error.type") != "" {
			t.Errorf("got %v, want one without an error", i.renderSpans())
		}
		if text := renderMetrics(t, i.collect(t)); strings.Contains(text, "error.type") {
			t.Errorf("got an error in\n%s", text)
		}
	})
}

// [O1] Calls that failed permanently are errors on their spans and in the metrics, of the same type.
func TestCallThatFailedForGoodIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		fault memory.Fault
		span  string
		want  string
	}{
		"fetch":            {memory.Fail(memory.OnFetch, nil).Always(), "fetch", "SYSTEM"},
		"fetch in time":    {memory.Stall(memory.OnFetch, time.Hour).Always(), "fetch", "TIMEOUT"},
		"settle":           {memory.Fail(memory.OnSettle, nil).Always(), "settle", "SYSTEM"},
		"settle in time":   {memory.Stall(memory.OnSettle, time.Hour).Always(), "settle", "TIMEOUT"},
		"settle one of it": {memory.Fail(memory.OnSettle, nil).For("succeeds").Always(), "settle", "SYSTEM"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newWorks(&works{})
				r.Source = memory.WithFaults(memory.New(memory.Settings{Transactions: jobs("succeeds"), Finite: true}), test.fault)
				i := r.instrument()
				r.Policy.Loop.Limit = 1
				r.start(t.Context(), t)
				if err := r.wait(); err == nil {
					t.Fatal("got no error")
				}
				spans := i.named(test.span)
				if len(spans) != 1 || spans[0].Status.Code != codes.Error || valueOf(spans[0], "error.type") != test.want {
					t.Errorf("got %s, want one %s with an error of type %s", i.renderSpans(), test.span, test.want)
				}
				failed := 0
				for _, line := range pointsOf(i.collect(t)["messaging.client.operation.duration"]) {
					if strings.Contains(line, "error.type="+test.want+" ") || strings.HasSuffix(line, "error.type="+test.want) {
						failed++
					}
				}
				if failed != 1 {
					t.Errorf("got %d failed operations of type %s, want 1", failed, test.want)
				}
			})
		})
	}
}

// [O1] Ids would make a time series of every transaction.
func TestMetricsHaveNoIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, scenario := range scenarios {
			got := scenario(t)
			ids := map[string]bool{}
			for _, s := range got.named("process task") {
				ids[valueOf(s, "messaging.message.id")] = true
			}
			if len(ids) < 3 {
				t.Fatalf("got ids %v, want those of the transactions", ids)
			}
			text := renderMetrics(t, got.after) + renderMetrics(t, got.during)
			for id := range ids {
				if strings.Contains(text, "="+id+" ") || strings.Contains(text, "="+id+":") || strings.Contains(text, "message.id") {
					t.Errorf("%s: metrics have the id %q:\n%s", name, id, text)
				}
			}
		}
	})
}
