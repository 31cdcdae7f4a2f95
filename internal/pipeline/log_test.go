package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otelrecord"
	"github.com/ergon-go/ergon/policy"
)

// runWithFailures runs a loop in which as much goes wrong as the engine has something to say about, and returns its log and its
// spans. Payloads hold a secret.
func runWithFailures(t *testing.T, execution policy.Execution) (*logBuffer, *otelrecord.Tracing, []error) {
	t.Helper()
	type purchase struct{ Card string }
	logs := &logBuffer{}
	r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		switch first := tx.Delivery().Count == 1; {
		case tx.ID() == "refused", tx.ID() == "unwritten":
			return nil, ergon.Business(errRefused)
		case tx.ID() == "panics" && first:
			panic(tx.Payload())
		case tx.ID() == "late" && first:
			time.Sleep(3 * time.Second)
		case tx.ID() == "lost" && first:
			<-ctx.Done()
		}
		return tx.Payload(), nil
	}})
	var txs []ergon.Transaction
	for _, id := range []string{"refused", "unwritten", "panics", "late", "lost", "stale", "unsettled", "fine"} {
		txs = append(txs, ergon.NewTransaction(id, purchase{Card: secret}).WithMetadata("card", secret))
	}
	q := memory.NewLeased(memory.Settings{Transactions: txs}, 2*time.Second)
	r.Queue = q.Queue
	r.Source = memory.WithLeaseFaults(q,
		memory.DropDelivery(memory.OnExtend).For("lost"), memory.Fail(memory.OnExtend, nil).At(2),
		memory.DropDelivery(memory.OnSettle).For("stale"), memory.Fail(memory.OnSettle, nil).For("unsettled").Times(3))
	r.withDeadLetters(memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil).For("unwritten").Always()))
	tracing := &otelrecord.Tracing{}
	r.TracerProvider = tracing
	r.Logger = logs.logger(slog.LevelDebug)
	r.Policy.Loop.Execution = execution
	r.Policy.Loop.Streaming = true
	r.Policy.Loop.Concurrency.Value = len(txs)
	r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(2*time.Second), once(time.Second), once(time.Second)
	r.Policy.Settle.RequeueDelay = time.Second
	err := r.runFor(t, 20*time.Second)
	time.Sleep(time.Minute)
	failures := []error{err}
	for _, result := range r.all() {
		failures = append(failures, result.Err)
	}
	return logs, tracing, failures
}

const secret = "4012-8888-8888-1881"

// [O3] Every line of the engine says which task and worker it is about, and every line about one transaction which one it
// is and in which trace.
func TestLinesOfTheEngineSayWhoseTheyAre(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		logs, _, _ := runWithFailures(t, execution)
		// What is about the source, or about a batch.
		general := []string{
			"leases could not all be extended", "nothing to fetch", "dead letters could not be written", "transactions could not be settled",
		}
		seen := map[string]bool{}
		for _, line := range logs.lines(t, slog.LevelDebug) {
			message := fmt.Sprint(line["msg"])
			seen[message] = true
			if line["task"] != "task" || line["worker"] != "worker-1" {
				t.Errorf("got line %v, want the task and the worker", line)
			}
			if slices.ContainsFunc(general, func(start string) bool { return strings.HasPrefix(message, start) }) {
				continue
			}
			for _, key := range []string{"transaction_id", "trace_id", "span_id"} {
				if text, _ := line[key].(string); text == "" {
					t.Errorf("got line %v, want its %s", line, key)
				}
			}
		}
		for _, message := range []string{
			"attempt ended", "transaction ended", "transaction settled", "nothing to fetch", "leases could not all be extended",
			"attempt returned after it was given up; its result is discarded",
			"lease lost; the handler is cancelled and its result discarded",
			"the source has taken the transaction back; it will be delivered again",
		} {
			if !seen[message] {
				t.Errorf("the log never says %q", message)
			}
		}
	})
}

// [O3] Payloads and metadata are nobody's business but the handlers': not in logs, not in spans, not in errors.
func TestPayloadsAreNeverToldToAnybody(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		logs, tracing, failures := runWithFailures(t, execution)
		if text := logs.String(); strings.Contains(text, secret) {
			t.Errorf("the log tells the payload: %s", lineWith(text, secret))
		}
		spans, err := json.Marshal(tracing.Ended()) //nolint:musttag // only this test reads it
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%s %+v", spans, tracing.Ended()); strings.Contains(text, secret) {
			t.Error("the spans tell the payload")
		}
		for _, failure := range failures {
			if failure != nil && strings.Contains(failure.Error(), secret) {
				t.Errorf("the error tells the payload: %v", failure)
			}
		}
	})
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// [O3] A payload that does not decode is not told either, although the error is about it.
func TestPayloadThatDoesNotDecodeIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &logBuffer{}
		r := newRig(ergon.Consume(number{}))
		r.Queue = memory.New(memory.Settings{
			Transactions: []ergon.Transaction{
				ergon.NewTransaction("a", []byte(`"`+secret+`"`)), ergon.NewTransaction("b", []byte(secret)),
			},
			Finite: true,
		})
		r.Source = r.Queue
		r.Logger = logs.logger(slog.LevelDebug)
		r.run(t)
		for _, id := range []string{"a", "b"} {
			err := r.resultOf(t, id).Err
			if failed, ok := errors.AsType[*ergon.TransactionError](err); !ok || failed.Phase != policy.PhaseDecode {
				t.Fatalf("got error %v, want that it does not decode", err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the payload: %v", err)
			}
		}
		if line := lineWith(logs.String(), secret); line != "" {
			t.Errorf("the log tells the payload: %s", line)
		}
	})
}
