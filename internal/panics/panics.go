// Package panics makes an error of how foreign code ended a call without returning: by a panic or by runtime.Goexit.
package panics

import (
	"errors"
	"fmt"
)

// Error is a panic or a Goexit of a function. Its text is made when it is caught, so that nothing of the value is called later.
// A value that is an error is found in it by errors.Is and errors.As; methods of it that panic again are not there.
type Error struct {
	// Stack is that of the goroutine when it was caught; nil if nobody asked for it.
	Stack []byte

	text  string
	value error // nil: it was no error
}

// Of is called by the function that has recovered value. Nil is a Goexit: subject, such as "the handler", then ended its goroutine.
// Texts, numbers and errors are shown. Of anything else the type is, because it may be a payload or contain itself.
func Of(subject string, value any, stack []byte) *Error {
	e := &Error{Stack: stack, text: textOf(subject, value)}
	e.value, _ = value.(error)
	return e
}

func textOf(subject string, value any) string {
	switch value.(type) {
	case nil:
		return subject + " ended its goroutine (runtime.Goexit, or a test's FailNow or SkipNow) and returned nothing"
	case error, fmt.Stringer, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return fmt.Sprintf("panic: %v", value)
	default:
		return fmt.Sprintf("panic: a value of type %T", value)
	}
}

// Error returns "panic: " and what the function panicked with, or that it ended its goroutine.
func (e *Error) Error() string { return e.text }

// Is looks for target in the value.
func (e *Error) Is(target error) (is bool) {
	defer func() { _ = recover() }()
	return e.value != nil && errors.Is(e.value, target)
}

// As looks for a type in the value.
func (e *Error) As(target any) (is bool) {
	defer func() { _ = recover() }()
	return e.value != nil && errors.As(e.value, target)
}
