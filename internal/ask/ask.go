// Package ask asks code that is not ours by methods that take no context and do no I/O: what a connector declares, how long its
// leases are [F1]. One that panics, ends its goroutine or does not return is an error for the caller and holds up nothing.
package ask

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Within is how long an answer may take. A question that is not answered by then leaves a goroutine behind; they are asked when
// a loop is made and when a command looks at a connector, never for each transaction.
const Within = 5 * time.Second

// Fault is a method that did not answer.
type Fault struct {
	What  string
	Stack []byte // of its panic; nil: it did not panic
	cause error
}

func (f *Fault) Error() string { return f.What + ": " + f.cause.Error() }
func (f *Fault) Unwrap() error { return f.cause }

var (
	errGoexit = errors.New("it ended its goroutine (runtime.Goexit, or a test's FailNow) and returned nothing")
	errHangs  = fmt.Errorf("it has not returned within %s, and must do no I/O", Within)
)

// For returns the answer to a question, or a *Fault; what says which method it is, for the error.
func For[T any](what string, question func() T) (T, error) {
	type reply struct {
		answer T
		fault  *Fault
	}
	replied := make(chan reply, 1)
	go func() {
		r := reply{fault: &Fault{What: what, cause: errGoexit}}
		defer func() {
			if p := recover(); p != nil {
				r.fault.cause, r.fault.Stack = errors.New("panic: "+textOf(p)), debug.Stack()
			}
			replied <- r
		}()
		r.answer = question()
		r.fault = nil
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
		return none, &Fault{What: what, cause: errHangs}
	}
}

// textOf shows errors and texts, but of anything else only the type: it may be a payload.
func textOf(p any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a value of type %T, which cannot be read", p)
		}
	}()
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	default:
		return fmt.Sprintf("a value of type %T", p)
	}
}
