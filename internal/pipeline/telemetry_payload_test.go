package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// marker is in every payload and every result, and may be nowhere else.
const marker = "4929-1234-marker"

// card is a payload in all the shapes that decoding can fail at.
type card struct {
	Number string    `json:"number"`
	Amount int8      `json:"amount"`
	At     time.Time `json:"at"`
	Count  int       `json:"count,string"`
}

// careless fails as the id of its transaction says, and hands what it was given to panics and results.
type leakyHandler struct{}

// ProcessTransaction fails in the ways that do not need a text of the handler's own.
func (leakyHandler) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[card]) (card, error) {
	switch tx.ID() {
	case "error":
		return tx.Body, errScripted
	case "business":
		return tx.Body, ergon.Business(errScripted)
	case "panic with the body":
		panic(tx.Body)
	case "panic with a pointer to it":
		panic(&tx.Body)
	case "panic with the transaction":
		panic(tx.Transaction)
	case "panic with bytes":
		panic([]byte(tx.Body.Number))
	case "timeout", "interrupted":
		<-ctx.Done()
		return tx.Body, context.Cause(ctx)
	case "late":
		time.Sleep(5 * time.Minute)
	}
	return tx.Body, nil
}

// HandleProcessSuccess fails for one transaction.
func (leakyHandler) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[card], result card) error {
	if tx.ID() == "success" {
		panic(result)
	}
	return nil
}

// HandleProcessException requeues, discards, crashes or leaves the choice.
func (leakyHandler) HandleProcessException(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
	switch tx.ID() {
	case "business":
		return ergon.Discard(), nil
	case "error":
		return ergon.Requeue(0), nil
	case "timeout":
		panic(tx)
	}
	return ergon.Disposition{}, nil
}

// cards are transactions for every way to fail.
func cards() []ergon.Transaction {
	good := []byte(`{"number":"` + marker + `"}`)
	var txs []ergon.Transaction
	for _, id := range []string{
		"fine", "error", "business", "panic with the body", "panic with a pointer to it", "panic with the transaction",
		"panic with bytes", "timeout", "late", "success", "lost", "unsettled",
	} {
		txs = append(txs, ergon.NewTransaction(id, good))
	}
	for id, payload := range map[string]any{
		"no JSON": []byte(marker), "cut off": []byte(`{"number":"` + marker), "no UTF-8": []byte(`{"number":"` + marker + "\xff\"}"),
		"a text": marker, "another type": struct{ Number string }{marker}, "a function": func() string { return marker },
		"no object": []byte(`"` + marker + `"`), "no text": []byte(`{"number":{"` + marker + `":1}}`),
		"too large": []byte(`{"amount":49291234}`), "no number": []byte(`{"amount":"` + marker + `"}`),
		"no time": []byte(`{"at":"` + marker + `"}`), "no text of a number": []byte(`{"count":"` + marker + `"}`),
	} {
		txs = append(txs, ergon.NewTransaction(id, payload))
	}
	return append(txs, ergon.NewTransaction("interrupted", good))
}

// [O3] Whatever goes wrong, the engine shows payloads and results to nobody: not in log lines at any level, not in spans
// and not in metrics.
func TestPayloadIsNeverShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(ergon.Consume(leakyHandler{}))
		queue := memory.New(memory.Settings{Transactions: cards()})
		r.Source = memory.WithFaults(queue, memory.Fail(memory.OnFetch, nil), memory.DropDelivery(memory.OnSettle).For("lost"),
			memory.Fail(memory.OnSettle, nil).For("unsettled").Always())
		r.DeadLetters = memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil).Times(3))
		r.Policy.Loop.DeadLetter = "letters"
		r.Policy.Loop.Streaming = true
		r.Policy.Loop.Concurrency.Headroom = 10
		r.Policy.Loop.Outage.After = 0
		r.Policy.Process = retrying(2, time.Minute, 0)
		r.Policy.Settle.RequeueDelay = 24 * time.Hour
		r.Policy.Settle.Size = 1
		r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		var logs logBuffer
		r.Logger = logs.logger(slog.LevelDebug - 8)
		i := r.instrument()
		r.Policy.Loop.Limit = int64(len(cards())) + 1 // "lost" comes twice
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.start(ctx, t)
		time.Sleep(5 * time.Minute) // two transactions take two minutes each, the last one never ends
		cancel()
		if err := r.wait(); !errors.Is(err, pipeline.ErrUnsettled) {
			t.Fatalf("got %v, want that something is unsettled", err)
		}
		time.Sleep(10 * time.Minute) // until the abandoned attempts have ended
		wantOutcomes(t, "of cards", map[string]int{
			"succeeded": 4, "requeued": 1, "discarded": 1, "handler_failed": 1, "dead_lettered": 18, "interrupted": 1,
		}, outcomesOf(r.all()))
		shown := map[string]string{"log": logs.String(), "spans": i.everything(), "metrics": renderMetrics(t, i.collect(t))}
		for where, text := range shown {
			if len(text) < 1000 {
				t.Errorf("there is next to nothing in the %s:\n%s", where, text)
			}
			for _, part := range []string{marker, "49291234", "52 57 50 57 45 49", "NDkyOS0xMjM0"} {
				if at := strings.Index(text, part); at >= 0 {
					t.Errorf("the payload is in the %s: …%s…", where, text[max(at-300, 0):min(at+100, len(text))])
				}
			}
		}
	})
}

// everything is all that spans hold, values of events included.
func (i *instruments) everything() string {
	var b strings.Builder
	write := func(attributes []attribute.KeyValue) {
		for _, text := range texts(attributes) {
			fmt.Fprintln(&b, text)
		}
	}
	for _, s := range i.ended() {
		fmt.Fprintln(&b, s.Name, s.Status.Description)
		write(s.Attributes)
		for _, e := range s.Events {
			fmt.Fprintln(&b, e.Name)
			write(e.Attributes)
		}
		for _, link := range s.Links {
			write(link.Attributes)
		}
	}
	return b.String()
}
