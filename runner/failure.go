package runner

import (
	"context"
	"errors"
	"slices"

	"github.com/ergon-go/ergon"
)

// failure is an error in the report of a worker process.
type failure struct {
	Text string `json:"text"`
	// Code is its exit code; 0 for an interruption, which only follows from something else.
	Code int `json:"code"`
	// Is are the errors of sentinels that it wraps, by their index.
	Is []int `json:"is,omitempty"`
	// Config is set for a *ConfigError.
	Config bool `json:"config,omitempty"`
	// Cut is set for the cause of the context of the process: it was interrupted.
	Cut bool `json:"cut,omitempty"`
}

// sentinels are the errors that callers look for with errors.Is. Both sides of the protocol have the same list.
func sentinels() []error {
	return []error{
		ergon.ErrLoopTimeout, ErrHeadroom, ErrUnsettled, ErrUnwritten, ErrUsage, ergon.ErrInterrupted,
		context.Canceled, context.DeadlineExceeded, errClosingTime, errForced, errGivenUp,
	}
}

// failuresOf returns the failures of err, which may be joined. cause is that of the context of the process; nil: it has not
// ended.
func failuresOf(err, cause error) []failure {
	var all []failure
	for _, part := range splitJoined(err) {
		f := failure{Text: part.Error(), Code: exitCodeOf(part), Cut: part == cause} //nolint:errorlint // itself, not what wraps it
		if fault, ok := errors.AsType[*ConfigError](part); ok {
			f.Text, f.Config = fault.Err.Error(), true
		}
		for i, target := range sentinels() {
			if errors.Is(part, target) {
				f.Is = append(f.Is, i)
			}
		}
		all = append(all, f)
	}
	return all
}

// error returns the failure as an error again, for the named task.
func (f failure) error(task string) error {
	err := &processError{text: f.Text, code: f.Code}
	for i, target := range sentinels() {
		if slices.Contains(f.Is, i) {
			err.is = append(err.is, target)
		}
	}
	if f.Config {
		return &ConfigError{Task: task, Err: err}
	}
	return err
}

// processError is an error of a worker process.
type processError struct {
	text string
	code int
	is   []error
}

var _ error = (*processError)(nil)

func (e *processError) Error() string { return e.text }

// ExitCode returns the exit code of the error in the worker process.
func (e *processError) ExitCode() int { return e.code }

// Is reports whether the error in the worker process wrapped target.
func (e *processError) Is(target error) bool { return slices.Contains(e.is, target) }
