package runner

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUsage is wrapped by errors of the caller. Their [ExitCode] is 2.
var ErrUsage = errors.New("usage")

// ConfigError has the faults in the configuration of a task. The task has not run.
type ConfigError struct {
	Task string
	// Err is all faults, joined.
	Err error
}

var _ error = (*ConfigError)(nil)

// Error returns one line for each fault.
func (e *ConfigError) Error() string {
	task := fmt.Sprintf("task %q: ", e.Task)
	return task + strings.ReplaceAll(e.Err.Error(), "\n", "\n"+task)
}

// Unwrap returns the faults, joined.
func (e *ConfigError) Unwrap() error { return e.Err }

// ExitCode is 2.
func (e *ConfigError) ExitCode() int { return exitUsage }

// UnknownTaskError is the error for a name without a registered task.
type UnknownTaskError struct {
	Name string
	// Suggestions are registered names that are similar, the most similar first.
	Suggestions []string
	// Known are all registered names, in the order of registration.
	Known []string
}

var _ error = (*UnknownTaskError)(nil)

func (e *UnknownTaskError) Error() string {
	message := fmt.Sprintf("unknown task %q; ", e.Name)
	if len(e.Suggestions) > 0 {
		message += fmt.Sprintf("did you mean %q? ", e.Suggestions[0])
	}
	if len(e.Known) == 0 {
		return message + "no tasks are registered"
	}
	return message + "known tasks: " + strings.Join(e.Known, ", ")
}

// ExitCode is 2.
func (e *UnknownTaskError) ExitCode() int { return exitUsage }
