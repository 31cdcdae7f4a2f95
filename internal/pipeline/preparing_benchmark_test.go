package pipeline_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// BenchmarkPrepareOutbound is what an inbound transaction of a hybrid costs: with nothing that comes out of it, with one that a
// handler which does nothing prepares, with one that is prepared at the second attempt, with one that hops, and with four. What is
// more than with nothing is the preparing.
func BenchmarkPrepareOutbound(b *testing.B) {
	nothing := func(context.Context, ergon.Transaction) error { return nil }
	b.Run("none", func(b *testing.B) { benchPreparing(b, 0, nothing) })
	b.Run("one", func(b *testing.B) { benchPreparing(b, 1, nothing) })
	b.Run("four", func(b *testing.B) { benchPreparing(b, 4, nothing) })
	b.Run("again", func(b *testing.B) {
		var calls atomic.Int64
		benchPreparing(b, 1, func(context.Context, ergon.Transaction) error {
			if calls.Add(1)%2 == 1 {
				return errScripted
			}
			return nil
		})
	})
	b.Run("hop", func(b *testing.B) {
		coalescer := coalesce.New(discardSink{}, policy.DefaultProducer().Loop.Batch)
		benchPreparing(b, 1, func(ctx context.Context, tx ergon.Transaction) error {
			return coalescer.DispatchTransactions(ctx, []ergon.Transaction{tx})
		})
	})
}

func benchPreparing(b *testing.B, outbound int, prepare func(context.Context, ergon.Transaction) error) {
	b.Helper()
	b.ReportAllocs()
	made := make([]ergon.Transaction, outbound)
	for i := range made {
		made[i] = ergon.NewTransaction("", i)
	}
	var result any = made
	s := pipeline.Settings{
		Task: "task", Worker: "worker-1", Logger: slog.New(slog.DiscardHandler),
		Handlers: ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) { return result, nil },
			Prepare: prepare,
		},
		Source: &well{supply{left: b.N, tx: ergon.NewTransaction("id", "payload")}},
		Policy: benchPolicy(), Producer: policy.DefaultProducer(), Shutdown: policy.DefaultShutdown(),
	}
	s.Policy.Loop.Concurrency.Value, s.Policy.Loop.Batch.Prefetch = 1, 100 // so that fetches and settlements are few
	s.Producer.Prepare.Retry.Backoff = 0
	c, err := pipeline.New(s)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := c.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// well is a supply over a store that keeps nothing.
type well struct{ supply }

var _ capability.Hopper = (*well)(nil)

func (*well) SharesStore(to ergon.Dispatcher) bool { return to == ergon.Dispatcher(discardSink{}) }

func (*well) HopTransactions(context.Context, []capability.Hop) error { return nil }

// discardSink is a connector of that store.
type discardSink struct{}

func (discardSink) DispatchTransactions(context.Context, []ergon.Transaction) error { return nil }
