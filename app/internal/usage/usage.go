// Package usage checks arguments and makes the errors that tell a user how a command is used. Their exit code is 2.
package usage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/internal/suggest"
)

// Error is an error in what the program was given: arguments, flags, configuration.
type Error struct {
	Err  error
	Help bool // the help of the command says how to do it right
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is 2, for [runner.ExitCode].
func (*Error) ExitCode() int { return 2 }

// Errorf makes an error that refers to the help of the command.
func Errorf(format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Help: true}
}

// helpCommand is a command of cobra's.
const helpCommand = "help"

// RefuseUnknown makes the commands of cobra, help and completion, refuse unknown commands as all others do.
func RefuseUnknown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case helpCommand:
			c.Args = func(_ *cobra.Command, topic []string) error {
				of, rest, err := root.Find(topic)
				if err != nil {
					return err
				}
				return OnlyCommands(of, rest)
			}
		case "completion":
			c.Args = OnlyCommands
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// OnlyCommands refuses arguments that are not commands.
func OnlyCommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == helpCommand {
			names = append(names, sub.Name())
		}
	}
	return Unknown("command", args[0], names)
}

// Unknown is the error of an unknown name. It suggests the nearest known name and lists all.
func Unknown(what, name string, known []string) error {
	meant := suggest.One(name, known)
	if meant != "" {
		meant = fmt.Sprintf("did you mean %q? ", meant)
	}
	if len(known) == 0 {
		return Errorf("unknown %s %q; no %s is configured", what, name, what)
	}
	return Errorf("unknown %s %q; %sknown %ss: %s", what, name, meant, what, strings.Join(known, ", "))
}

// UnknownFlag adds the flag that was probably meant to the error of an unknown one.
func UnknownFlag(c *cobra.Command, err error) error {
	missing, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || missing.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := suggest.One(missing.GetSpecifiedName(), names); meant != "" {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", missing.GetSpecifiedName(), meant)
	}
	return fmt.Errorf("unknown flag --%s", missing.GetSpecifiedName())
}

// Arguments checks the number of arguments; names describe them, in order.
func Arguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return Errorf("%s is missing", names[len(args)])
		case len(args) > len(names) && len(names) == 0:
			return Errorf("unexpected argument %q", args[0])
		case len(args) > len(names):
			return Errorf("unexpected argument %q after %s", args[len(names)], names[len(names)-1])
		}
		return nil
	}
}
