package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one call of the command line.
type program struct {
	settings  Settings
	process   process
	options   options
	flags     *pflag.FlagSet // has the variables
	workerEnv []string       // what worker processes are to know
	began     bool           // a command was understood: what fails from now on is no matter of usage
}

const (
	groupRun   = "run"
	groupQueue = "queue"
	groupLook  = "look"
)

// root is the program's own command, with all others.
func (p *program) root() (*cobra.Command, error) {
	root := &cobra.Command{
		Use:                   p.settings.Name,
		Short:                 p.settings.Description,
		Version:               p.version().Version,
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args:                  p.onlyCommands,
		RunE:                  func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun:      func(*cobra.Command, []string) { p.began = true },
	}
	root.Flags().Bool("version", false, "print the version")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(unknownFlag)
	root.SetArgs(append([]string{}, p.process.Args...))
	root.SetIn(p.process.Stdin)
	root.SetOut(p.process.Stdout)
	root.SetErr(p.process.Stderr)
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Running:"}, &cobra.Group{ID: groupQueue, Title: "Queues and dead letters:"},
		&cobra.Group{ID: groupLook, Title: "Looking:"},
	)
	root.AddCommand(
		p.runCommand(), p.devCommand(), p.processCommand(), p.processByIDCommand(),
		p.enqueueCommand(), p.queueCommand(), p.dlqCommand(), p.replayCommand(),
		p.listCommand(), p.describeCommand(), p.lintCommand(), p.doctorCommand(), p.configCommand(), p.connectorsCommand(), p.versionCommand(),
	)
	if p.settings.NewProject != nil {
		root.AddCommand(p.newCommand())
	}
	p.suggest(root)
	p.addOptions(root)
	return root, p.addVariables(root)
}

// print writes what was asked for to standard output, at once.
func (p *program) print(text string) error {
	_, err := io.WriteString(p.process.Stdout, text)
	return printed("write to", err)
}

// printed is the error of what was done to standard output. That nobody reads it, as after head, is no news for who made it so.
func printed(did string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s standard output: %w", did, err)
	if errors.Is(err, syscall.EPIPE) {
		return &told{err: err}
	}
	return err
}

// printJSON writes a document that people can read as well.
func (p *program) printJSON(document any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	return p.print(text.String())
}
