package app

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/runner"
)

// fail reports the error of a command, nil for none, and returns the exit code [E4].
func (p *program) fail(command *cobra.Command, err error) int {
	if _, reported := errors.AsType[*output.ReportedError](err); err != nil && !reported {
		p.out.ReportError(err)
		if bad, ok := errors.AsType[*usage.Error](err); ok && bad.Help && command != nil {
			p.out.Messagef("See %s --help\n", command.CommandPath())
		}
	}
	return runner.ExitCode(err)
}
