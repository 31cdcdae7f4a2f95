package pipeline_test

import (
	"context"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

func BenchmarkSmoke(b *testing.B) {
	p := policy.DefaultConsumer()
	p.Loop.Concurrency.Value = 64
	p.Loop.Batch.Prefetch = 200
	p.Loop.OnException = policy.OnExceptionDiscard
	src := memory.NewGenerator(int64(b.N), func(i int64) any { return nil })
	b.ReportAllocs()
	c, err := pipeline.New(pipeline.Settings{Task: "x", Source: src, Policy: p, Shutdown: policy.DefaultShutdown(), Handlers: ergon.Task{
		Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { return nil, nil },
		Success: func(ctx context.Context, tx ergon.Transaction, r any) error { return nil },
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := c.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	if n := c.Snapshot().Outcomes[pipeline.Succeeded]; n != int64(b.N) {
		b.Fatal(n)
	}
}

func BenchmarkBare(b *testing.B) {
	ch := make(chan int, 100)
	done := make(chan struct{})
	f := func(ctx context.Context, i int) (any, error) { return nil, nil }
	g := func(ctx context.Context, i int) error { return nil }
	fp, gp := &f, &g
	for range 64 {
		go func() {
			for i := range ch {
				(*fp)(context.Background(), i)
				(*gp)(context.Background(), i)
			}
			done <- struct{}{}
		}()
	}
	for i := range b.N {
		ch <- i
	}
	close(ch)
	for range 64 {
		<-done
	}
}
