package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// A loop does this for you: fetch, work, and make what came out of it durable together with the acknowledgement.
func ExampleQueue_HopTransactions() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	settings.Path, settings.Queue = filepath.Join(dir, "shop.db"), "orders"
	orders, err := sqlite.NewQueue(settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer orders.Close(ctx)
	settings.Queue = "invoices"
	invoices, err := sqlite.NewQueue(settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer invoices.Close(ctx)
	if err := errors.Join(orders.Open(ctx), invoices.Open(ctx)); err != nil {
		fmt.Println(err)
		return
	}

	urgent := ergon.NewTransaction("2", map[string]int{"net": 50}).WithMetadata(sqlite.MetadataPriority, "1")
	err = orders.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("1", map[string]int{"net": 100}), urgent})
	batch, fetching := orders.FetchTransactions(ctx, 10)
	var hops []capability.Hop
	for _, order := range batch {
		fmt.Printf("order %s %s\n", order.ID(), order.Payload())
		invoice := ergon.NewTransaction("invoice-"+order.ID(), "paid")
		hops = append(hops, capability.Hop{
			Settlement: capability.Settlement{Transaction: order},
			Outputs:    []capability.Output{{To: invoices, Transactions: []ergon.Transaction{invoice}}},
		})
	}
	err = errors.Join(err, fetching, orders.HopTransactions(ctx, hops))
	waiting, counting := invoices.CountTransactions(ctx)
	fmt.Println(waiting, "invoices", errors.Join(err, counting))
	// Output:
	// order 2 {"net":50}
	// order 1 {"net":100}
	// 2 invoices <nil>
}
