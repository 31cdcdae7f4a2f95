// Package foreign reads errors of code that is not ours: once, on the goroutine of the call that returned them, where a method
// that panics or hangs harms that call only [F1]. Whoever decides by such an error later reads a value.
package foreign

import (
	"bytes"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/panics"
	"github.com/ergon-go/ergon/policy"
)

// Error is an error that was read. Its own methods return what was read and call nothing, with two exceptions: Is, for a target
// that is not a sentinel of Ergon, and As look for the target in the error itself, and a method that panics then finds nothing.
type Error struct {
	err       error
	text      string
	category  ergon.Category
	permanent bool
	after     time.Duration
	delayed   bool
	stale     bool
	exhausted bool
	decode    *Error
	crash     *panics.Error
}

var _ interface {
	error
	Is(target error) bool
	As(target any) bool
	Category() ergon.Category
	IsPermanent() bool
	RetryDelay() (time.Duration, bool)
} = (*Error)(nil)

// Read reads err. It may panic or hang, as the methods of err do, so it is called where the call of err's author is bounded and
// guarded. Nil stays nil; an error that was read already is not read again.
//
//go:noinline
func Read(err error) error {
	if err == nil {
		return nil
	}
	if e, already := err.(*Error); already { //nolint:errorlint // itself
		return e
	}
	return read(err)
}

func read(err error) *Error {
	failed := ergon.TransactionError{Err: err}
	e := &Error{
		err: err, text: err.Error(), category: ergon.CategoryOf(err), permanent: failed.IsPermanent(),
		stale: errors.Is(err, capability.ErrStaleDelivery), exhausted: errors.Is(err, ergon.ErrExhausted),
	}
	e.after, e.delayed = failed.RetryDelay()
	if of, ok := errors.AsType[*ergon.TransactionError](err); ok && of != nil && of.Phase == policy.PhaseDecode {
		e.decode = read(of.Err)
	}
	return e
}

// Crash describes a panic or, if value is nil, a Goexit of code that is not ours. It is called where value was recovered.
func Crash(value any, stack []byte) *panics.Error { return panics.Of("the handler", value, stack) }

// OfCrash returns the error of a call that crashed. It calls no method of the value that the call panicked with, and its category
// is SYSTEM even if that value is an error of another.
func OfCrash(crash *panics.Error) *Error {
	return &Error{err: crash, text: crash.Error(), crash: crash}
}

// Of finds what was read in err, which is an *Error or an error of ours that wraps one; nil if there is none.
func Of(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// AsReturned is the error as its author returned it, for code that is not ours. An error that was not read is itself.
func AsReturned(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // itself, not what wraps it
		return e.err
	}
	return err
}

// CopyAsReturned is a copy of why a transaction failed, for code that is not ours: changes to it reach nobody else [F3]. Its
// errors are as their authors returned them.
//
//go:noinline
func CopyAsReturned(cause *ergon.TransactionError) *ergon.TransactionError {
	if cause == nil {
		return nil
	}
	own := *cause
	own.Err, own.First, own.Stack = AsReturned(own.Err), AsReturned(own.First), bytes.Clone(own.Stack)
	return &own
}

// Returned is the error as its author returned it.
func (e *Error) Returned() error { return e.err }

// Decode is why the payload did not decode; nil if it did.
func (e *Error) Decode() *Error { return e.decode }

// Crash is the panic or Goexit that ended the call; nil if the call returned.
func (e *Error) Crash() *panics.Error { return e.crash }

func (e *Error) Error() string { return e.text }

// Category is SYSTEM for a panic.
func (e *Error) Category() ergon.Category { return e.category }

// IsPermanent reports whether trying again is pointless, as [ergon.TransactionError.IsPermanent] does.
func (e *Error) IsPermanent() bool { return e.permanent }

// RetryDelay is the delay that the error asks for, if it does [R1].
func (e *Error) RetryDelay() (time.Duration, bool) { return e.after, e.delayed }

// Is answers from what was read for the sentinels that the engine asks for.
func (e *Error) Is(target error) (is bool) {
	switch target {
	case capability.ErrStaleDelivery:
		return e.stale
	case ergon.ErrExhausted:
		return e.exhausted
	}
	defer func() { _ = recover() }()
	return errors.Is(e.err, target)
}

// As looks for target in the error itself.
func (e *Error) As(target any) (is bool) {
	defer func() { _ = recover() }()
	return errors.As(e.err, target)
}
