package runner

import (
	"context"
	"errors"
	"os/exec"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// ExitCode returns what a program ends with: 0 for nil; 2 for usage and configuration, which is what wraps [ErrUsage] or
// has a method ExitCode that says so; 130 where SIGINT ended it, 143 where SIGTERM did, 129 for SIGHUP; 1 for everything else.
// Of several errors the worst decides: 2, then 1, then a signal. How a child process ended (*exec.ExitError) says nothing about this
// one.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	code, fault := ask.For("a method of the error", func() int { return exitCodeOf(err) })
	if fault != nil || code == 0 {
		return exitFailed // something has failed, whatever it says
	}
	return code
}

// exitCodeOf returns 0 for an interruption, which only follows from something else.
func exitCodeOf(err error) int {
	if err == ErrUsage { //nolint:errorlint // the tree is walked here
		return exitUsage
	}
	if err == ergon.ErrInterrupted || err == context.Canceled { //nolint:errorlint // the tree is walked here
		return 0
	}
	switch e := err.(type) { //nolint:errorlint // the tree is walked here
	case *exec.ExitError:
		return exitFailed
	case interface{ ExitCode() int }:
		return e.ExitCode()
	case interface{ Unwrap() []error }:
		code := 0
		for _, one := range e.Unwrap() {
			code = worseCode(code, exitCodeOf(one))
		}
		return code
	}
	if inner := errors.Unwrap(err); inner != nil {
		return exitCodeOf(inner)
	}
	return exitFailed
}

func worseCode(a, b int) int {
	switch {
	case a == exitUsage || b == exitUsage:
		return exitUsage
	case a == exitFailed || b == exitFailed:
		return exitFailed
	default:
		return max(a, b)
	}
}
