package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

func ExampleWithFaults() {
	queue := memory.New(memory.Settings{Finite: true, Transactions: []ergon.Transaction{
		ergon.NewTransaction("a", nil), ergon.NewTransaction("b", nil),
	}})
	faulty := memory.WithFaults(queue,
		memory.Fail(memory.OnFetch, errors.New("connection reset")).At(2),
		memory.LoseAck().For("a"),
	)
	ctx := context.Background()
	for range 4 {
		batch, err := faulty.FetchTransactions(ctx, 10)
		if err != nil {
			fmt.Println(err)
		}
		for _, tx := range batch {
			fmt.Println("deliver", tx.ID(), tx.Delivery().Count)
			if err := faulty.SettleTransactions(ctx, []capability.Settlement{{Transaction: tx}}); err != nil {
				fmt.Println(err)
			}
		}
	}
	// Output:
	// deliver a 1
	// deliver b 1
	// memory: fetch: connection reset
	// deliver a 2
	// source exhausted
}
