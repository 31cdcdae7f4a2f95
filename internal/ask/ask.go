// Package ask asks code that is not ours by methods that take no context and do no I/O: what a connector declares, how long its
// leases are [F1]. One that panics, ends its goroutine or does not return is an error for the caller and holds up nothing.
package ask

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ergon-go/ergon/internal/panics"
)

// Within is how long an answer may take. A question that is not answered by then leaves a goroutine behind; they are asked when
// a loop is made and when a command looks at a connector, never for each transaction.
const Within = 5 * time.Second

// UnansweredError is a method that did not answer.
type UnansweredError struct {
	What  string
	Stack []byte // of its panic; nil: it did not panic
	cause error
}

func (f *UnansweredError) Error() string { return f.What + ": " + f.cause.Error() }
func (f *UnansweredError) Unwrap() error { return f.cause }

var errHangs = fmt.Errorf("it has not returned within %s, and must do no I/O", Within)

// For returns the answer to a question, or a *UnansweredError; what says which method it is, for the error.
func For[T any](what string, question func() T) (T, error) {
	type reply struct {
		answer T
		fault  *UnansweredError
	}
	replied := make(chan reply, 1)
	go func() {
		r, returned := reply{}, false
		defer func() {
			if !returned {
				r.fault = faultOf(what, recover())
			}
			replied <- r
		}()
		r.answer = question()
		returned = true
	}()
	timer := time.NewTimer(Within)
	defer timer.Stop()
	var none T
	select {
	case r := <-replied:
		if r.fault != nil {
			return none, r.fault
		}
		return r.answer, nil
	case <-timer.C:
		return none, &UnansweredError{What: what, cause: errHangs}
	}
}

func faultOf(what string, value any) *UnansweredError {
	f := &UnansweredError{What: what, cause: panics.Of("it", value, nil)}
	if value != nil {
		f.Stack = debug.Stack()
	}
	return f
}
