package ergon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Category is the kind of a failure. It decides whether there is another attempt.
type Category uint8

const (
	// CategorySystem is every failure that is neither of the others. It is retried. It is the zero value.
	CategorySystem Category = iota
	// CategoryBusiness means that a business rule rejected the transaction. It is never retried, in any phase.
	CategoryBusiness
	// CategoryTimeout is one of Ergon's own deadlines: attempt, transaction or loop. It is retried. A deadline that the handler set
	// itself is CategorySystem.
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

// MarshalText returns the category as String does.
func (c Category) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText decodes SYSTEM, BUSINESS or TIMEOUT. Any other text is an error.
func (c *Category) UnmarshalText(text []byte) error {
	for _, known := range []Category{CategorySystem, CategoryBusiness, CategoryTimeout} {
		if string(text) == known.String() {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("unknown category %q, want SYSTEM, BUSINESS or TIMEOUT", text)
}

// TransactionError is the failure of a transaction, or of a function that [RunFn] ran. errors.Is and errors.As reach the causes.
type TransactionError struct {
	// Category decides whether there is another attempt.
	Category Category
	// Phase is the phase that failed; "" for RunFn.
	Phase policy.Phase
	// TransactionID is the id of the transaction; "" if the function belongs to none.
	TransactionID string
	// Attempts is the number of attempts in Phase.
	Attempts int
	// First is the error of the first attempt in Phase; nil if there was only one attempt.
	First error
	// Err is the error of the last attempt.
	Err error
	// Stack is the stack of the handler if it panicked; nil otherwise.
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

// RetryDelay returns the delay that [RetryAfter] has set for the next attempt, and whether it has set one.
func (e *TransactionError) RetryDelay() (time.Duration, bool) {
	if e == nil {
		return 0, false
	}
	return retryDelayOf(e.Err)
}

// IsPermanent reports whether [Permanent] has marked Err.
func (e *TransactionError) IsPermanent() bool { return e != nil && isPermanent(e.Err) }

// The causes that end the context of an attempt: [context.Cause] returns the one that applies. The timeouts also match
// context.DeadlineExceeded, and their category is CategoryTimeout.
var (
	// ErrAttemptTimeout means that an attempt reached its policy.Retry.Timeout.
	ErrAttemptTimeout error = &timeoutError{"attempt timeout"}
	// ErrTransactionTimeout means that a transaction reached policy.Loop.TransactionTimeout.
	ErrTransactionTimeout error = &timeoutError{"transaction timeout"}
	// ErrLoopTimeout means that a loop reached policy.Loop.Timeout.
	ErrLoopTimeout error = &timeoutError{"loop timeout"}
	// ErrInterrupted means that shutdown interrupted the work. It is not a failure: the transaction is requeued to its source.
	ErrInterrupted = errors.New("interrupted by shutdown")
)

type timeoutError struct{ what string }

func (e *timeoutError) Error() string        { return e.what }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// CategoryOf returns the category of any error: the outermost category in it, or CategorySystem if there is none. If one of
// several joined errors is BUSINESS, the category is BUSINESS; otherwise, if one is TIMEOUT, it is TIMEOUT.
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
