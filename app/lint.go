package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/internal/humanize"
)

// lintCommands are the command lint.
type lintCommands struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
}

func (l *lintCommands) command() *cobra.Command {
	return &cobra.Command{
		Use: "lint", Short: "Check the configuration and report everything that is wrong with it", GroupID: groupLook,
		Long: "Check the configuration and report everything that is wrong with it.\n\n" +
			"Connectors, services and tasks are made, but nothing is opened and nothing runs. The result is the same on every machine:\n" +
			"whether files, directories and servers are there, and can be used, is what doctor checks where the program is to run.",
		Args: arguments(),
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

func (l *lintCommands) run() error {
	c, err := l.configs.load()
	if err != nil {
		return l.lintFailed(lintReport{Notes: []string{}}, err)
	}
	report := lintReport{Source: c.source, Faults: []lintFault{}, Notes: []string{}}
	faults := []error{l.telemetry.config(c).Check()}
	for _, task := range c.Tasks {
		switch err := check(task); {
		case errors.Is(err, errUnchecked):
			report.Notes = append(report.Notes, err.Error())
		case err != nil:
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return l.lintFailed(report, &usageError{err: err})
	}
	report.OK = true
	if l.out.json() {
		return l.out.printJSON(report)
	}
	for _, note := range report.Notes {
		l.out.messagef("%s: note: %s\n", l.out.program, note)
	}
	return l.out.print(fmt.Sprintf("%s: ok: %s\n", c.source, contents(c)))
}

// lintFailed reports err as JSON where that is asked for; as text it is reported like that of any other command.
func (l *lintCommands) lintFailed(report lintReport, err error) error {
	if !l.out.json() {
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
	if err := l.out.printJSON(report); err != nil {
		return err
	}
	return &reportedError{err: err}
}

func contents(c configuration) string {
	connectors, services := 0, 0
	for _, t := range c.Tasks {
		connectors += len(t.Connectors)
		services += len(t.Services)
	}
	return listed([]string{
		humanize.Plural(len(c.Tasks), "task"), humanize.Plural(connectors, "connector"), humanize.Plural(services, "service"),
	}, "and")
}
