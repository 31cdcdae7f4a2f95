package ergon

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// crashed is the failure of a function that panicked with value p or, where p is nil, ended its goroutine. It is called
// by a deferred function, while the stack is still there.
func crashed(p any) *failure {
	err := errGoexit
	if p != nil {
		err = panicOf(p)
	}
	return &failure{TransactionError: TransactionError{Category: CategorySystem, Attempts: 1, Err: err, Stack: debug.Stack()}}
}

var errGoexit = errors.New("function ended its goroutine (runtime.Goexit, or a test's FailNow or SkipNow) and returned nothing")

// panicError is a panic. An error that something panicked with is found in it, but says no more about what is to be done, and
// is borne with where its methods panic again.
type panicError struct {
	text  string
	value error // nil: it was no error
}

// panicOf shows errors, texts and numbers, but of anything else only the type: it may be a payload, or refer to itself.
func panicOf(p any) error {
	switch p := p.(type) {
	case error:
		return &panicError{text: fmt.Sprintf("panic: %v", p), value: p}
	case fmt.Stringer, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return fmt.Errorf("panic: %v", p)
	default:
		return fmt.Errorf("panic: a value of type %T", p)
	}
}

func (e *panicError) Error() string { return e.text }

// Is looks for target in what something panicked with.
func (e *panicError) Is(target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(e.value, target)
}

// As looks for a type in what something panicked with.
func (e *panicError) As(target any) (is bool) {
	defer func() { _ = recover() }()
	return e.value != nil && errors.As(e.value, target)
}
