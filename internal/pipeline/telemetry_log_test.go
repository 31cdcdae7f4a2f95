package pipeline_test

import (
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"

	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otelrecord"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// [O3] What a handler logs with its context, and what the engine logs about an attempt, names it and its span, unasked.
func TestLogLinesOfAttemptsCarryItsIDs(t *testing.T) {
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs logBuffer
				got := scenario(t, func(r *rig) { r.Logger = logs.logger(slog.LevelDebug) })
				spans := bySpanID(got.ended())
				seen := newTally()
				for _, line := range logs.lines(t, slog.LevelDebug) {
					message := text(line, slog.MessageKey)
					switch message {
					case "processing", "succeeding", "failing", "attempt ended":
					default:
						continue
					}
					seen.add(message)
					attempt := spans[text(line, "span_id")]
					transaction := spans[attempt.Parent.SpanID().String()]
					want := map[string]string{
						"task": "task", "worker": "worker-1", "transaction_id": valueOf(transaction, "messaging.message.id"),
						"phase": valueOf(attempt, "ergon.phase"), "attempt": valueOf(attempt, "ergon.attempt"),
						"trace_id": attempt.SpanContext.TraceID().String(), "span_id": attempt.SpanContext.SpanID().String(),
					}
					wantIDs(t, line, want)
					if message == "attempt ended" && text(line, "result") != valueOf(attempt, "ergon.result") {
						t.Errorf("got line %v, want the result %q of the span", line, valueOf(attempt, "ergon.result"))
					}
				}
				if seen.n["processing"] < 3 || seen.n["succeeding"] == 0 || seen.n["failing"] == 0 || seen.n["attempt ended"] < 5 {
					t.Errorf("got lines %v, want some of each", seen.n)
				}
			})
		})
	}
}

// [O3] What became of a transaction is said alike by its log line, its span and the metrics, and every failure is logged.
func TestLogSpanAndMetricsAgreeOnOutcomes(t *testing.T) {
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs logBuffer
				got := scenario(t, func(r *rig) { r.Logger = logs.logger(slog.LevelDebug) })
				spans := bySpanID(got.named("process task"))
				logged := newTally()
				for _, line := range logs.lines(t, slog.LevelDebug) {
					if text(line, slog.MessageKey) != "transaction ended" {
						continue
					}
					span := spans[text(line, "span_id")]
					delete(spans, text(line, "span_id"))
					wantIDs(t, line, map[string]string{
						"task": "task", "worker": "worker-1", "transaction_id": valueOf(span, "messaging.message.id"),
						"trace_id": span.SpanContext.TraceID().String(), "span_id": span.SpanContext.SpanID().String(),
						"outcome": valueOf(span, "ergon.outcome"), "category": valueOf(span, "ergon.category"),
					})
					logged.add(text(line, "outcome"))
					if failed := span.Status.Code == codes.Error; failed != (text(line, slog.LevelKey) == "WARN") {
						t.Errorf("got line %v, want a warning where the span has an error, which is %t here", line, failed)
					}
				}
				if len(spans) > 0 {
					t.Errorf("%d transactions have a span and no log line", len(spans))
				}
				wantOutcomes(t, "ended in the rig", logged.n, outcomesOf(got.rig.all()))
				wantOutcomes(t, "counted", logged.n, counted(t, got.after["ergon.transactions"]))
				wantOutcomes(t, "timed", logged.n, counted(t, got.after["messaging.process.duration"]))
				wantOutcomes(t, "in the snapshot", logged.n, snapshotOf(got.rig))
			})
		})
	}
}

// [O3] Where settlement changes an outcome, the counter has the changed one; a log line says so with the transaction's ids,
// and the span of the settlement, which is linked to the transaction's, has the error.
func TestOutcomeThatSettlementChangesIsLoggedAndOnItsSpan(t *testing.T) {
	for name, test := range map[string]struct {
		id, judged, counted, message string
		change                       func(r *rig, queue *memory.Queue)
	}{
		"dead letter not written": {
			"refused", "dead_lettered", "requeued", "dead letters could not be written; their transactions are requeued",
			func(r *rig, _ *memory.Queue) {
				r.DeadLetters = memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil).Always())
				r.Policy.Loop.DeadLetter = "letters"
			},
		},
		"stale": {
			"succeeds", "succeeded", "redelivered", "the source has taken the transaction back; it will be delivered again",
			func(r *rig, queue *memory.Queue) {
				r.Source = memory.WithFaults(queue, memory.DropDelivery(memory.OnSettle))
			},
		},
		"unsettled": {
			"succeeds", "succeeded", "redelivered", "transactions could not be settled; they will be delivered again",
			func(r *rig, queue *memory.Queue) {
				r.Source = memory.WithFaults(queue, memory.Fail(memory.OnSettle, nil).Always())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newWorks(&works{})
				queue := memory.New(memory.Settings{Transactions: jobs(test.id)})
				r.Source = queue
				r.Policy.Loop.Limit = 1
				test.change(r, queue)
				var logs logBuffer
				r.Logger = logs.logger(slog.LevelWarn)
				i := r.instrument()
				r.start(t.Context(), t)
				_ = r.wait() // an error where something is left unsettled
				transaction, settlement := i.named("process task")[0], i.named("settle")[0]
				if got := valueOf(transaction, "ergon.outcome"); got != test.judged {
					t.Errorf("got outcome %q on the span, want %q", got, test.judged)
				}
				wantOutcomes(t, "counted", map[string]int{test.counted: 1}, counted(t, i.collect(t)["ergon.transactions"]))
				if settlement.Links[0].SpanContext.SpanID() != transaction.SpanContext.SpanID() || len(settlement.Events) != 1 {
					t.Errorf("got settle span with links %v and events %v, want one of each", settlement.Links, settlement.Events)
				}
				lines := logs.lines(t, slog.LevelWarn)
				line := lines[len(lines)-1]
				wantIDs(t, line, map[string]string{
					"msg": test.message, "task": "task", "worker": "worker-1", "transaction_id": test.id,
					"trace_id": transaction.SpanContext.TraceID().String(),
				})
			})
		})
	}
}

// bySpanID returns spans by their ids.
func bySpanID(all []otelrecord.Span) map[string]otelrecord.Span {
	spans := map[string]otelrecord.Span{}
	for _, s := range all {
		spans[s.SpanContext.SpanID().String()] = s
	}
	return spans
}

// text is a field of a log line as text; "" where there is none.
func text(line map[string]any, key string) string {
	switch value := line[key].(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return ""
	}
}

func wantIDs(t *testing.T, line map[string]any, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for key := range want {
		got[key] = text(line, key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log line %v (-want +got):\n%s", line, diff)
	}
}

func wantOutcomes(t *testing.T, where string, want, got map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes %s (-want +got):\n%s", where, diff)
	}
}

func outcomesOf(results []pipeline.Result) map[string]int {
	outcomes := newTally()
	for _, r := range results {
		outcomes.add(r.Outcome.String())
	}
	return outcomes.n
}

func snapshotOf(r *rig) map[string]int {
	outcomes := map[string]int{}
	for outcome, n := range r.consumer.Snapshot().Outcomes {
		outcomes[outcome.String()] = int(n)
	}
	return outcomes
}

// counted returns how many the data points of a metric count, by outcome.
func counted(t *testing.T, m otelrecord.Metric) map[string]int {
	t.Helper()
	outcomes := map[string]int{}
	if len(m.Points) == 0 {
		t.Fatalf("metric %q has no points", m.Name)
	}
	for _, p := range m.Points {
		outcome, _ := p.Attributes.Value("ergon.outcome")
		outcomes[outcome.AsString()] += int(p.Value) + int(p.Count)
	}
	return outcomes
}
