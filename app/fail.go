package app

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/runner"
)

// fail reports the error of a command, nil for none, and returns the exit code [E4].
func (p *program) fail(command *cobra.Command, err error) int {
	if _, reported := errors.AsType[*reportedError](err); err != nil && !reported {
		p.out.reportError(err)
		if bad, ok := errors.AsType[*usageError](err); ok && bad.help && command != nil {
			p.out.messagef("See %s --help\n", command.CommandPath())
		}
	}
	return runner.ExitCode(err)
}
