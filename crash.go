package ergon

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// crashed is the failure of a function that panicked with value p or, where p is nil, ended its goroutine. It is called
// by a deferred function, while the stack is still there.
func crashed(p any) *TransactionError {
	err := errGoexit
	if p != nil {
		err = panicError(p)
	}
	return &TransactionError{Category: CategorySystem, Attempts: 1, Err: err, Stack: debug.Stack()}
}

var errGoexit = errors.New("function ended its goroutine (runtime.Goexit, or a test's FailNow or SkipNow) and returned nothing")

// panicError shows errors, texts and numbers, but of anything else only the type: it may be a payload, or refer to itself.
func panicError(p any) error {
	switch p := p.(type) {
	case error:
		return fmt.Errorf("panic: %w", p)
	case fmt.Stringer, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return fmt.Errorf("panic: %v", p)
	default:
		return fmt.Errorf("panic: a value of type %T", p)
	}
}
