package ergon_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// A business error is not retried, in any phase. Wrapping keeps the mark, and errors.Is still finds the cause.
func ExampleBusiness() {
	errSoldOut := errors.New("sold out")
	err := fmt.Errorf("order 7: %w", ergon.Business(errSoldOut))
	fmt.Println(ergon.CategoryOf(err), err, errors.Is(err, errSoldOut))
	// Output: BUSINESS order 7: sold out true
}

// Permanent ends the attempts and keeps the category.
func ExamplePermanent() {
	err := &ergon.TransactionError{Err: ergon.Permanent(errors.New("401 unauthorized"))}
	fmt.Println(err, err.IsPermanent())
	// Output: SYSTEM: 401 unauthorized true
}

// An error has the delay that the other system asked for.
func ExampleRetryAfter() {
	err := &ergon.TransactionError{Err: ergon.RetryAfter(errors.New("429 too many requests"), 30*time.Second)}
	delay, ok := err.RetryDelay()
	fmt.Println(delay, ok)
	// Output: 30s true
}
