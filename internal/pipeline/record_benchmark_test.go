package pipeline_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// supply has transactions until so many were fetched.
type supply struct {
	left int
	tx   ergon.Transaction
}

func (e *supply) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	n := min(limit, e.left)
	e.left -= n
	batch := make([]ergon.Transaction, n)
	for i := range batch {
		batch[i] = e.tx
	}
	if e.left == 0 {
		return batch, ergon.ErrExhausted
	}
	return batch, nil
}

// What a recorder costs a transaction whose handler does nothing at all: none, one that nobody watches, one that somebody
// does, and one that records every single one.
func BenchmarkRecorder(b *testing.B) {
	run := func(b *testing.B, recorder *observe.Recorder) {
		b.Helper()
		b.ReportAllocs()
		c, err := pipeline.New(pipeline.Settings{
			Task: "task", Worker: "worker-1", Recorder: recorder, Logger: slog.New(slog.DiscardHandler),
			Handlers: ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }},
			Source:   &supply{left: b.N, tx: ergon.NewTransaction("id", "payload")}, Policy: benchPolicy(), Shutdown: policy.DefaultShutdown(),
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		if err := c.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("none", func(b *testing.B) { run(b, nil) })
	b.Run("unwatched", func(b *testing.B) { run(b, observe.NewRecorder(false)) })
	b.Run("watched", func(b *testing.B) {
		recorder := observe.NewRecorder(false)
		recorder.Watch(50) // as many as in a second, which a run takes
		run(b, recorder)
	})
	b.Run("everything", func(b *testing.B) {
		recorder := observe.NewRecorder(false)
		recorder.Watch(b.N)
		run(b, recorder)
	})
}

func benchPolicy() policy.Consumer {
	p := policy.DefaultConsumer()
	p.Loop.OnException, p.Loop.DeadLetter = policy.OnExceptionDiscard, ""
	return p
}
