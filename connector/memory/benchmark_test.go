package memory_test

import (
	"strconv"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
)

const batchSize = 100

// BenchmarkFetchAndAck reports nanoseconds and allocations per transaction: fetched by 100, acknowledged by 100.
func BenchmarkFetchAndAck(b *testing.B) {
	queue := memory.New(memory.Settings{Transactions: transactions(0, b.N)})
	settlements := make([]ergon.Settlement, 0, batchSize)
	b.ReportAllocs()
	b.ResetTimer()
	for {
		batch, err := queue.FetchTransactions(b.Context(), batchSize)
		if err != nil {
			b.Fatal(err)
		}
		if len(batch) == 0 {
			return
		}
		settlements = settlements[:0]
		for _, t := range batch {
			settlements = append(settlements, ergon.Settlement{Transaction: t})
		}
		if err := queue.SettleTransactions(b.Context(), settlements); err != nil {
			b.Fatal(err)
		}
	}
}

func transactions(from, n int) []ergon.Transaction {
	made := make([]ergon.Transaction, n)
	for i := range made {
		made[i] = ergon.NewTransaction("t"+strconv.Itoa(from+i), from+i)
	}
	return made
}

