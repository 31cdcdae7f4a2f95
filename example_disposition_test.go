package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

var (
	errObsolete = errors.New("the order was cancelled")
	errClosed   = errors.New("the warehouse is closed")
)

// Shipping decides about each order that could not be shipped.
type Shipping struct{}

func (Shipping) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[string]) (string, error) {
	switch tx.Body {
	case "cancelled":
		return "", ergon.Business(errObsolete)
	case "night":
		return "", ergon.Permanent(errClosed)
	case "unknown":
		return "", ergon.Business(errors.New("no such article"))
	default:
		return "", errors.New("the carrier does not answer")
	}
}

func (Shipping) HandleProcessException(
	_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError,
) (ergon.Disposition, error) {
	switch {
	case errors.Is(cause, errObsolete):
		return ergon.Discard(), nil // nothing is left to do
	case errors.Is(cause, errClosed):
		return ergon.Requeue(8 * time.Hour), nil // the source delivers it again then
	case cause.Category == ergon.CategoryBusiness:
		return ergon.DeadLetter(), nil // somebody has to look at it
	default:
		return ergon.Disposition{}, nil // loop.on_exception of the policy decides
	}
}

// An exception handler returns one of four dispositions. The calls are those that the engine makes.
func ExampleProcessExceptionHandler() {
	task := ergon.Consume(Shipping{})
	ctx := context.Background()
	for _, order := range []string{"cancelled", "night", "unknown", "any"} {
		tx := ergon.NewTransaction("order-1", order)
		_, err := task.Process(ctx, tx)
		cause := &ergon.TransactionError{Category: ergon.CategoryOf(err), Phase: policy.PhaseProcess, Err: err}
		disposition, err := task.Exception(ctx, tx, cause)
		fmt.Printf("%s: %q %s %v\n", order, disposition, disposition.Delay(), err)
	}
	// Output:
	// cancelled: "discard" 0s <nil>
	// night: "requeue" 8h0m0s <nil>
	// unknown: "dead_letter" 0s <nil>
	// any: "" 0s <nil>
}
