package ergon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Category says whose fault a failure is, and with it what is done about it.
type Category uint8

const (
	// CategorySystem is everything that is neither of the others: retried.
	CategorySystem Category = iota
	// CategoryBusiness is a rule that said no: never retried, in any phase.
	CategoryBusiness
	// CategoryTimeout is one of Ergon's own deadlines (attempt, transaction or loop): retried. A deadline that the
	// handler set for itself is CategorySystem.
	CategoryTimeout
)

// String returns SYSTEM, BUSINESS or TIMEOUT.
func (c Category) String() string {
	switch c {
	case CategoryBusiness:
		return "BUSINESS"
	case CategoryTimeout:
		return "TIMEOUT"
	default:
		return "SYSTEM"
	}
}

// MarshalText encodes the category as its String.
func (c Category) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText decodes what MarshalText made.
func (c *Category) UnmarshalText(text []byte) error {
	for _, known := range []Category{CategorySystem, CategoryBusiness, CategoryTimeout} {
		if string(text) == known.String() {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("unknown category %q, want SYSTEM, BUSINESS or TIMEOUT", text)
}

// TransactionError is why a transaction, or a function run by [RunFn], failed. errors.Is and errors.As reach the causes.
type TransactionError struct {
	// Category decides whether there is another attempt.
	Category Category
	// Phase is the step that failed.
	Phase policy.Phase
	// TransactionID is the transaction's id; "" outside of one.
	TransactionID string
	// Attempts is how many attempts were made in Phase.
	Attempts int
	// First is what the first attempt in Phase failed with, where there was more than one.
	First error
	// Err is what the last attempt failed with.
	Err error
	// Stack is the handler's stack, where it panicked; nil otherwise.
	Stack []byte
}

func (e *TransactionError) Error() string {
	if e == nil {
		return "no error: a nil *ergon.TransactionError was returned as an error"
	}
	var b strings.Builder
	if e.Phase != "" {
		fmt.Fprintf(&b, "%s: ", e.Phase)
	}
	fmt.Fprintf(&b, "%s: %v", e.Category, e.Err)
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	return b.String()
}

// Unwrap returns the last and the first cause.
func (e *TransactionError) Unwrap() []error {
	switch {
	case e == nil:
		return nil
	case e.First == nil:
		return []error{e.Err}
	default:
		return []error{e.Err, e.First}
	}
}

// RetryDelay returns the delay before the next attempt that Err was marked with by [RetryAfter].
func (e *TransactionError) RetryDelay() (time.Duration, bool) {
	if e == nil {
		return 0, false
	}
	return retryDelayOf(e.Err)
}

// IsPermanent reports whether Err was marked by [Permanent].
func (e *TransactionError) IsPermanent() bool { return e != nil && isPermanent(e.Err) }

// The causes by which an attempt's context ends: [context.Cause] returns the one that applies. The timeouts match
// context.DeadlineExceeded as well, and their category is CategoryTimeout.
var (
	// ErrAttemptTimeout is an attempt that reached its policy.Retry.Timeout.
	ErrAttemptTimeout error = &timeoutError{"attempt timeout"}
	// ErrTransactionTimeout is a transaction that reached policy.Loop.TransactionTimeout.
	ErrTransactionTimeout error = &timeoutError{"transaction timeout"}
	// ErrLoopTimeout is a loop that reached policy.Loop.Timeout.
	ErrLoopTimeout error = &timeoutError{"loop timeout"}
	// ErrInterrupted is work cut short by shutdown. It is no failure: the transaction is released to its source.
	ErrInterrupted = errors.New("interrupted by shutdown")
)

type timeoutError struct{ what string }

func (e *timeoutError) Error() string        { return e.what }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// CategoryOf returns the category of any error, the outermost one that was given; CategorySystem where none was. Of joined
// errors, one that is BUSINESS decides, then one that is TIMEOUT.
func CategoryOf(err error) Category {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // the chain is walked here, to find the outermost that has a category
		case *TransactionError:
			if e == nil {
				return CategorySystem
			}
			return e.Category
		case *timeoutError:
			return CategoryTimeout
		case *markedError:
			if e.categorized {
				return e.category
			}
		case categorizedError:
			return e.Category()
		case interface{ Unwrap() []error }:
			return categoryOfJoined(e.Unwrap())
		}
		err = errors.Unwrap(err)
	}
	return CategorySystem
}

func categoryOfJoined(errs []error) Category {
	found := CategorySystem
	for _, err := range errs {
		switch CategoryOf(err) {
		case CategoryBusiness:
			return CategoryBusiness
		case CategoryTimeout:
			found = CategoryTimeout
		case CategorySystem:
		}
	}
	return found
}
