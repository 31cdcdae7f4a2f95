package memory_test

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

const batchSize = 100

// BenchmarkFetchAndAck measures one transaction: fetched by 100, acknowledged by 100, from a queue that is refilled with
// the clock stopped.
func BenchmarkFetchAndAck(b *testing.B) {
	refill := transactions(10_000)
	queue := memory.New(memory.Settings{})
	benchmarkAcks(b, queue, func() {
		b.StopTimer()
		dispatch(b, queue, refill...)
		b.StartTimer()
	})
}

// BenchmarkDispatchFetchAndAck measures one transaction's whole way through the queue, by 100 at a time.
func BenchmarkDispatchFetchAndAck(b *testing.B) {
	refill := transactions(batchSize)
	queue := memory.New(memory.Settings{})
	benchmarkAcks(b, queue, func() { dispatch(b, queue, refill...) })
}

// BenchmarkLeasedFetchAndAck is BenchmarkFetchAndAck with leases.
func BenchmarkLeasedFetchAndAck(b *testing.B) {
	refill := transactions(10_000)
	queue := memory.NewLeased(memory.Settings{}, time.Hour)
	benchmarkAcks(b, queue, func() {
		b.StopTimer()
		dispatch(b, queue, refill...)
		b.StartTimer()
	})
}

// BenchmarkPreloadedFetchAndAck has as many transactions wait as the benchmark runs: memory that no cache holds.
func BenchmarkPreloadedFetchAndAck(b *testing.B) {
	queue := memory.New(memory.Settings{Transactions: transactions(b.N)})
	benchmarkAcks(b, queue, func() { b.Fatal("empty before its time") })
}

// BenchmarkGeneratorFetchAndAck measures one transaction made and counted.
func BenchmarkGeneratorFetchAndAck(b *testing.B) {
	generator := memory.NewGenerator(int64(b.N), nil)
	benchmarkAcks(b, generator, func() { b.Fatal("exhausted before its time") })
}

type source interface {
	ergon.Fetcher
	capability.Settler
}

func benchmarkAcks(b *testing.B, queue source, refill func()) {
	b.Helper()
	settlements := make([]capability.Settlement, batchSize)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		batch, err := queue.FetchTransactions(b.Context(), min(left, batchSize))
		if err != nil {
			b.Fatal(err)
		}
		if len(batch) == 0 {
			refill()
			continue
		}
		for i, t := range batch {
			settlements[i] = capability.Settlement{Transaction: t}
		}
		if err := queue.SettleTransactions(b.Context(), settlements[:len(batch)]); err != nil {
			b.Fatal(err)
		}
		left -= len(batch)
	}
}
