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

// ExitCode returns the exit code of a program whose run returned err: 0 for nil; 2 for usage and configuration, that is, for
// [ErrUsage] and errors whose method ExitCode returns 2; 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP; otherwise 1. If
// several errors are joined, the worst one decides: 2, then 1, then a signal. The exit code of a child process (*exec.ExitError)
// counts as 1.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	code, fault := ask.For("a method of the error", func() int { return exitCodeOf(err) })
	if fault != nil || code == 0 {
		return exitFailed // there is an error, whatever its ExitCode returns
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
