package pipeline

import (
	"bytes"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/panics"
	"github.com/ergon-go/ergon/policy"
)

// foreignError is an error of code that is not ours, as it was read where the call that returned it is bounded and guarded [F1]. From
// then on its text and what is decided by it are known, so that no goroutine that others depend on calls its methods again. Who
// looks for a cause in it reaches that, and a method that panics then has not been there.
type foreignError struct {
	err       error
	text      string
	category  ergon.Category
	permanent bool
	after     time.Duration
	delayed   bool
	stale     bool
	released  bool
	exhausted bool
	decode    *foreignError  // why the payload did not decode; nil: it did
	outbound  *outboundError // the outbound transaction that failed; nil: none
	crash     *panics.Error  // nil: it was returned
}

var _ interface {
	error
	Is(target error) bool
	As(target any) bool
	Category() ergon.Category
	IsPermanent() bool
	RetryDelay() (time.Duration, bool)
} = (*foreignError)(nil)

// readError reads err. It may panic or hang, as the methods of err do, so it is called where the call of err's author is made. Nil
// stays nil, and what was read already is not read again.
//
//go:noinline
func readError(err error) error {
	if err == nil {
		return nil
	}
	if h, already := err.(*foreignError); already { //nolint:errorlint // itself
		return h
	}
	return read(err)
}

// readBatchError is readError for the error of a call for several items: it reads that of each.
func readBatchError(err error) error {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if !partial || batch == nil {
		return readError(err)
	}
	own := &ergon.BatchError{Failures: make(map[int]error, len(batch.Failures))}
	for i, failure := range batch.Failures {
		own.Failures[i] = readError(failure)
	}
	return own
}

func read(err error) *foreignError {
	failed := ergon.TransactionError{Err: err}
	h := &foreignError{
		err: err, text: err.Error(), category: ergon.CategoryOf(err), permanent: failed.IsPermanent(),
		stale: errors.Is(err, ergon.ErrStaleDelivery), released: errors.Is(err, errReleased), exhausted: errors.Is(err, ergon.ErrExhausted),
	}
	h.after, h.delayed = failed.RetryDelay()
	if of, ok := errors.AsType[*ergon.TransactionError](err); ok && of != nil && of.Phase == policy.PhaseDecode {
		h.decode = read(of.Err)
	}
	h.outbound, _ = errors.AsType[*outboundError](err)
	return h
}

// foreignErrorOf finds what was read in err, which is ours or wraps it.
func foreignErrorOf(err error) *foreignError {
	h, _ := errors.AsType[*foreignError](err)
	return h
}

// asReturned is the error as its author returned it, for code that is not ours.
func asReturned(err error) error {
	if h, ok := err.(*foreignError); ok { //nolint:errorlint // itself, not what wraps it
		return h.err
	}
	return err
}

func (h *foreignError) Error() string                     { return h.text }
func (h *foreignError) Category() ergon.Category          { return h.category }
func (h *foreignError) IsPermanent() bool                 { return h.permanent }
func (h *foreignError) RetryDelay() (time.Duration, bool) { return h.after, h.delayed }

// Is answers from what was read, where it was.
func (h *foreignError) Is(target error) (is bool) {
	switch target {
	case ergon.ErrStaleDelivery:
		return h.stale
	case ergon.ErrExhausted:
		return h.exhausted
	case errReleased:
		return h.released
	}
	defer func() { _ = recover() }()
	return errors.Is(h.err, target)
}

// As looks behind h.
func (h *foreignError) As(target any) (is bool) {
	defer func() { _ = recover() }()
	return errors.As(h.err, target)
}

// newCrash is called where a panic or, if value is nil, a Goexit of code that is not ours is caught.
func newCrash(value any, stack []byte) *panics.Error { return panics.Of("the handler", value, stack) }

// foreignErrorOfPanic needs nothing of the value that it panicked with. Its category is SYSTEM, whatever that is.
func foreignErrorOfPanic(crash *panics.Error) *foreignError {
	return &foreignError{err: crash, text: crash.Error(), crash: crash}
}

// outward is a copy of why a transaction failed, for code that is not ours: what that does to it is its own affair [F3].
//
//go:noinline
func outward(cause *ergon.TransactionError) *ergon.TransactionError {
	if cause == nil {
		return nil
	}
	own := *cause
	own.Err, own.First, own.Stack = asReturned(own.Err), asReturned(own.First), bytes.Clone(own.Stack)
	return &own
}

// copyOf is a copy of why a transaction failed, for whoever tells of it: its text is what was read.
func copyOf(cause *ergon.TransactionError) error {
	own := *cause
	return &own
}
