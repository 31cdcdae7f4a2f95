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
	if e.First == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.First}
}

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

// Business marks err as a rule's refusal: it is never retried. Business(nil) is nil.
func Business(err error) error {
	return mark(err, func(m *markedError) { m.category, m.categorized = CategoryBusiness, true })
}

// Permanent marks err as not worth another attempt and keeps its category. Permanent(nil) is nil.
func Permanent(err error) error {
	return mark(err, func(m *markedError) { m.permanent = true })
}

// RetryAfter marks err with the delay before the next attempt, in place of the policy's backoff and without jitter.
// RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	return mark(err, func(m *markedError) { m.after, m.delayed = max(d, 0), true })
}

// CategoryOf returns the category of any error, the outermost one that was given; CategorySystem where none was.
func CategoryOf(err error) Category {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // the chain is walked here, to find the outermost that has a category
		case *TransactionError:
			return e.Category
		case *timeoutError:
			return CategoryTimeout
		case *markedError:
			if e.categorized {
				return e.category
			}
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // as above
			return categoryOfJoined(joined.Unwrap())
		}
		err = errors.Unwrap(err)
	}
	return CategorySystem
}

func categoryOfJoined(errs []error) Category {
	for _, err := range errs {
		if c := CategoryOf(err); c != CategorySystem {
			return c
		}
	}
	return CategorySystem
}

// markedError carries what Business, Permanent and RetryAfter say. The engine reads it by its methods, so that any error
// type that has them is understood the same.
type markedError struct {
	err         error
	category    Category
	categorized bool
	permanent   bool
	after       time.Duration
	delayed     bool
}

type delayedError interface {
	error
	RetryDelay() (time.Duration, bool)
}

type permanentError interface {
	error
	IsPermanent() bool
}

func mark(err error, with func(*markedError)) error {
	if err == nil {
		return nil
	}
	m := &markedError{err: err}
	with(m)
	return m
}

func (m *markedError) Error() string { return m.err.Error() }
func (m *markedError) Unwrap() error { return m.err }

// RetryDelay returns the delay that the error asks for.
func (m *markedError) RetryDelay() (time.Duration, bool) {
	if inner, ok := errors.AsType[delayedError](m.err); ok && !m.delayed {
		return inner.RetryDelay()
	}
	return m.after, m.delayed
}

// IsPermanent reports whether another attempt is pointless.
func (m *markedError) IsPermanent() bool {
	if m.permanent {
		return true
	}
	inner, ok := errors.AsType[permanentError](m.err)
	return ok && inner.IsPermanent()
}
