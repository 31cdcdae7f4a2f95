package ergon_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
)

type Strike struct {
	Airport string `json:"airport"`
	Damage  string `json:"damage"`
}

type Ticket struct{ Title string }

// Triage turns reports of bird strikes into tickets.
type Triage struct{ Airports map[string]string }

func (t *Triage) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[Strike]) (Ticket, error) {
	if tx.Body.Damage == "" {
		return Ticket{}, ergon.Business(errors.New("damage is missing")) // a rule said no: not tried again
	}
	return Ticket{Title: fmt.Sprintf("%s damage at %s", tx.Body.Damage, t.Airports[tx.Body.Airport])}, nil
}

func (t *Triage) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[Strike], ticket Ticket) error {
	fmt.Printf("%s: %s\n", tx.ID(), ticket.Title)
	return nil
}

func (t *Triage) HandleProcessException(
	_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError,
) (ergon.Disposition, error) {
	fmt.Printf("%s: %v\n", tx.ID(), cause)
	return ergon.DeadLetter(), nil
}

// Consume makes a Task for the engine from a typed one. Payloads are decoded into the type that ProcessTransaction takes. The
// calls below are those that the engine makes.
func ExampleConsume() {
	task := ergon.Consume(&Triage{Airports: map[string]string{"VIE": "Vienna"}})
	if err := task.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	good := ergon.NewTransaction("strike-1", []byte(`{"airport": "VIE", "damage": "Minor"}`))
	if ticket, err := task.Process(ctx, good); err == nil {
		_ = task.Success(ctx, good, ticket)
	}
	bad := ergon.NewTransaction("strike-2", `{"airport": "VIE"}`)
	_, err := task.Process(ctx, bad)
	disposition, _ := task.Exception(ctx, bad, &ergon.TransactionError{Category: ergon.CategoryOf(err), Err: err})
	fmt.Println("→", disposition)

	_, err = task.Process(ctx, ergon.NewTransaction("strike-3", `{"airport": 7}`))
	fmt.Println(err)
	// Output:
	// strike-1: Minor damage at Vienna
	// strike-2: BUSINESS: damage is missing
	// → dead_letter
	// decode: BUSINESS: decode payload into ergon_test.Strike: field "airport", at byte 13: the number does not fit string
}

// Plain functions are a task as well. They get the payload as it was fetched.
func ExampleTask() {
	task := ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		return fmt.Sprintf("%s has %d bytes", tx.ID(), len(tx.Payload().([]byte))), nil
	}}
	result, err := task.Process(context.Background(), ergon.NewTransaction("t-1", []byte("hello")))
	fmt.Println(result, err)
	// Output: t-1 has 5 bytes <nil>
}

// A decorator changes a task when it is made. It may wrap any of the functions.
func ExampleDecorator() {
	announced := func(task ergon.Task) ergon.Task {
		process := task.Process
		task.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			fmt.Println("processing", tx.ID())
			return process(ctx, tx)
		}
		return task
	}
	task := ergon.Consume(&Triage{}, announced)
	_, err := task.Process(context.Background(), ergon.NewTransaction("strike-1", Strike{}))
	fmt.Println(err)
	// Output:
	// processing strike-1
	// damage is missing
}
