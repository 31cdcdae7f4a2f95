package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/runner"
)

// wrong is an error in what the program was given, not in what it did.
type wrong struct {
	err   error
	usage bool // help says how it would be right
}

func (w *wrong) Error() string { return w.err.Error() }
func (w *wrong) Unwrap() error { return w.err }

// ExitCode is 2, as [runner.ExitCode] wants it.
func (*wrong) ExitCode() int { return 2 }

// told is an error that the user has been told about already.
type told struct{ err error }

func (t *told) Error() string { return t.err.Error() }
func (t *told) Unwrap() error { return t.err }

// fail tells the user what went wrong in command, nil for none, and returns the exit code [E4].
func (p *program) fail(command *cobra.Command, err error) int {
	if _, already := errors.AsType[*told](err); err != nil && !already {
		p.tell(err)
		if bad, ok := errors.AsType[*wrong](err); ok && bad.usage && command != nil {
			p.messagef("How it is used: %s --help\n", command.CommandPath())
		}
	}
	return runner.ExitCode(err)
}

// tell says what went wrong. Faults of a configuration stand alone on their lines, so that editors find their places.
func (p *program) tell(err error) {
	if faults, ok := errors.AsType[config.Faults](err); ok {
		p.messagef("%v\n%s: the configuration has %s\n", faults, p.settings.Name, humanize.Plural(len(faults), "fault"))
		return
	}
	p.messagef("%s: %v\n", p.settings.Name, err)
}

// messagef writes to standard error. There is nobody to tell where that fails.
func (p *program) messagef(format string, args ...any) {
	_, _ = fmt.Fprintf(p.process.Stderr, format, args...)
}
