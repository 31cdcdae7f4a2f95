// Package lint is the command lint.
package lint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/check"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Command are the command lint.
type Command struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
}

// Cobra is the command.
func (l *Command) Cobra() *cobra.Command {
	return &cobra.Command{
		Use: "lint", Short: "Check the configuration and report all faults", GroupID: command.GroupLook,
		Long: "Check the configuration and report all faults.\n\n" +
			"lint creates connectors, services and tasks, but opens and runs nothing. Its result is the same on every machine.\n" +
			"Use doctor to check files, folders and servers on the machine that the program will run on.",
		Args: usage.Arguments(),
		RunE: func(*cobra.Command, []string) error { return l.run() },
	}
}

type lintReport struct {
	Source string      `json:"source,omitempty"`
	OK     bool        `json:"ok"`
	Faults []lintFault `json:"faults"`
	Notes  []string    `json:"notes"`
}

type lintFault struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Problem string `json:"problem"`
}

func (l *Command) run() error {
	c, err := l.Configs.Load()
	if err != nil {
		return l.lintFailed(lintReport{Notes: []string{}}, err)
	}
	report := lintReport{Source: c.Source, Faults: []lintFault{}, Notes: []string{}}
	faults := []error{l.Telemetry.Config(c).Check()}
	for _, task := range c.Tasks {
		switch err := check.Task(task); {
		case errors.Is(err, check.ErrUnchecked):
			report.Notes = append(report.Notes, err.Error())
		case err != nil:
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return l.lintFailed(report, &usage.Error{Err: err})
	}
	report.OK = true
	if l.Out.JSON() {
		return l.Out.PrintJSON(report)
	}
	for _, note := range report.Notes {
		l.Out.Messagef("%s: note: %s\n", l.Out.Program, note)
	}
	return l.Out.Print(fmt.Sprintf("%s: ok: %s\n", c.Source, contents(c)))
}

// lintFailed prints err as JSON if the output is JSON. As text it is reported like the error of any other command.
func (l *Command) lintFailed(report lintReport, err error) error {
	if !l.Out.JSON() {
		return err
	}
	if faults, ok := errors.AsType[config.Faults](err); ok {
		for _, f := range faults {
			report.Faults = append(report.Faults, lintFault{f.File, f.Line, f.Col, f.Path, f.Problem})
		}
	} else {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			report.Faults = append(report.Faults, lintFault{Problem: line})
		}
	}
	if err := l.Out.PrintJSON(report); err != nil {
		return err
	}
	return &output.ReportedError{Err: err}
}

func contents(c configuration.Config) string {
	connectors, services := 0, 0
	for _, t := range c.Tasks {
		connectors += len(t.Connectors)
		services += len(t.Services)
	}
	return text.List([]string{
		humanize.Plural(len(c.Tasks), "task"), humanize.Plural(connectors, "connector"), humanize.Plural(services, "service"),
	}, "and")
}
