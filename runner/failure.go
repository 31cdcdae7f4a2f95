package runner

import (
	"context"
	"errors"
	"slices"

	"github.com/ergon-go/ergon"
)

// failure is an error on its way from a worker process to its supervisor.
type failure struct {
	Text string `json:"text"`
	// Code is the exit code that it makes; 0 for what only follows from something else.
	Code int `json:"code"`
	// Is are the errors that it wraps, by their place in known.
	Is []int `json:"is,omitempty"`
	// Config is set for a fault of the task's configuration.
	Config bool `json:"config,omitempty"`
	// Cut is set for the end of the context of the process itself.
	Cut bool `json:"cut,omitempty"`
}

// known are the errors that callers look for.
func known() []error {
	return []error{
		ergon.ErrLoopTimeout, ErrHeadroom, ErrUnsettled, ErrUnwritten, ErrUsage, ergon.ErrInterrupted,
		context.Canceled, context.DeadlineExceeded, errClosingTime, errForced, errGivenUp,
	}
}

// failuresOf takes err apart; cause is why the context of the process has ended, nil where it has not.
func failuresOf(err, cause error) []failure {
	var all []failure
	for _, part := range splitJoined(err) {
		f := failure{Text: part.Error(), Code: exitCodeOf(part), Cut: part == cause} //nolint:errorlint // itself, not what wraps it
		if fault, ok := errors.AsType[*ConfigError](part); ok {
			f.Text, f.Config = fault.Err.Error(), true
		}
		for i, target := range known() {
			if errors.Is(part, target) {
				f.Is = append(f.Is, i)
			}
		}
		all = append(all, f)
	}
	return all
}

// error makes an error of it again, for the named task.
func (f failure) error(task string) error {
	err := &processError{text: f.Text, code: f.Code}
	for i, target := range known() {
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

// ExitCode is what the error itself would have made.
func (e *processError) ExitCode() int { return e.code }

// Is reports whether the error in the worker process wrapped target.
func (e *processError) Is(target error) bool { return slices.Contains(e.is, target) }
