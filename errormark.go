package ergon

import (
	"errors"
	"slices"
	"time"
)

// Business marks err as the decision of a business rule. Such an error is never retried. Business(nil) is nil.
func Business(err error) error {
	return mark(err, func(m *markedError) { m.category, m.categorized = CategoryBusiness, true })
}

// Permanent marks err as an error that must not be retried. Its category stays the same. Permanent(nil) is nil.
func Permanent(err error) error {
	return mark(err, func(m *markedError) { m.permanent = true })
}

// RetryAfter marks err with the delay before the next attempt. The delay replaces the backoff of the policy and has no jitter. A
// negative delay means 0. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	return mark(err, func(m *markedError) { m.after, m.delayed = max(d, 0), true })
}

// markedError carries what Business, Permanent and RetryAfter say. An error type of anyone's that has the methods
// IsPermanent, RetryDelay or Category is understood the same.
type markedError struct {
	err         error
	category    Category
	categorized bool
	permanent   bool
	after       time.Duration
	delayed     bool
}

var (
	_ delayedError   = (*markedError)(nil)
	_ delayedError   = (*TransactionError)(nil)
	_ permanentError = (*markedError)(nil)
	_ permanentError = (*TransactionError)(nil)
)

type delayedError interface {
	error
	RetryDelay() (time.Duration, bool)
}

type permanentError interface {
	error
	IsPermanent() bool
}

// categorizedError knows its category, and is asked before what it wraps.
type categorizedError interface {
	error
	Category() Category
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

// RetryDelay returns the delay of the outermost mark in the error.
func (m *markedError) RetryDelay() (time.Duration, bool) { return retryDelayOf(m) }

// IsPermanent reports whether another attempt is pointless.
func (m *markedError) IsPermanent() bool { return isPermanent(m) }

func retryDelayOf(err error) (after time.Duration, ok bool) {
	anyCause(err, func(err error) bool {
		switch e := err.(type) { //nolint:errorlint // anyCause walks the chain
		case *markedError:
			after, ok = e.after, e.delayed
		case *TransactionError: // its Err comes next
		case delayedError:
			after, ok = e.RetryDelay()
		}
		return ok
	})
	return max(after, 0), ok
}

func isPermanent(err error) bool {
	return anyCause(err, func(err error) bool {
		switch e := err.(type) { //nolint:errorlint // anyCause walks the chain
		case *markedError:
			return e.permanent
		case *TransactionError:
			return false
		case permanentError:
			return e.IsPermanent()
		default:
			return false
		}
	})
}

// anyCause reports whether err or one of its causes matches, from the outside inwards. Of a TransactionError only the last
// attempt counts.
func anyCause(err error, match func(error) bool) bool {
	for err != nil {
		if match(err) {
			return true
		}
		switch e := err.(type) { //nolint:errorlint // the chain is walked here
		case *TransactionError:
			if e == nil {
				return false
			}
			err = e.Err
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(e.Unwrap(), func(err error) bool { return anyCause(err, match) })
		default:
			err = errors.Unwrap(err)
		}
	}
	return false
}
