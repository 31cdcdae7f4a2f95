// Command demo is a program for a browser to look at: orders come in all the time, and now and then one is slow, fails at
// first, or fails permanently.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite"
)

func main() {
	app.Run(app.Settings{Registry: registry(), Name: "orders", Version: "1.4.0", Description: "Takes orders and writes invoices."})
}

func registry() *config.Registry {
	r := config.NewRegistry()
	seen := &sync.Map{} // by all workers
	r.Task("invoicing", func(*ergon.Dependencies) ergon.Task { return ergon.Consume(&invoicing{seen}) }, "writes an invoice for each order")
	r.Task("intake", newIntake, "takes orders from the shop")
	config.Connector(r, "queue", "a queue in a file", sqlite.DefaultQueueConfig(), func(c sqlite.QueueConfig) (*sqlite.Queue, error) {
		return sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
	})
	config.Connector(r, "dead_letters", "dead letters in a file", sqlite.DefaultDeadLettersConfig(),
		func(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
			return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
		})
	return r
}

// order is what the shop sends.
type order struct {
	Number   int    `json:"number"`
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
	Note     string `json:"note"`
}

// intake produces an order whenever its throttle lets it.
type intake struct{ orders ergon.Dispatcher }

func newIntake(d *ergon.Dependencies) ergon.Task {
	return ergon.Produce(&intake{ergon.UseConnector[ergon.Dispatcher](d, "orders")})
}

// Transactions come in waves, and never end.
func (*intake) Transactions(ctx context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		for n := 1; ctx.Err() == nil; n++ {
			wait(ctx, time.Duration(80+45*math.Sin(float64(n)/55))*time.Millisecond)
			tx := ergon.NewTransaction(fmt.Sprintf("order-%06d", n), order{
				Number: n, Customer: "ACME Ltd", Cents: int64(n%97) * 131, Note: "<script>alert(1)</script>",
			})
			if !yield(tx.WithMetadata("shop", []string{"Linz", "Graz", "Wien"}[n%3]).WithMetadata("source", "web"), nil) {
				return
			}
		}
	}
}

func (i *intake) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[order]) error {
	return i.orders.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// invoicing fails as services do: what failed permanently comes through when it is tried again.
type invoicing struct{ seen *sync.Map }

func (i *invoicing) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[order]) (string, error) {
	n := tx.Body.Number
	first := time.Since(tx.Delivery().EnqueuedAt) < 700*time.Millisecond // not yet tried, or only just
	work := time.Duration(2+n%23) * time.Millisecond
	switch {
	case n%23 == 0 && !i.again(n):
		return "", ergon.Business(fmt.Errorf("order %d: the customer has no tax number", n))
	case n%19 == 0 && first:
		return "", errors.New("tax service: 503 Service Unavailable")
	case n%151 == 0:
		work = time.Second // longer than it may take
	}
	wait(ctx, work)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return fmt.Sprintf("invoice %d", n), nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (*invoicing) HandleProcessSuccess(context.Context, ergon.TransactionOf[order], string) error {
	return nil
}

// again reports whether an order was seen before.
func (i *invoicing) again(n int) bool {
	_, before := i.seen.LoadOrStore(n, true)
	return before
}
