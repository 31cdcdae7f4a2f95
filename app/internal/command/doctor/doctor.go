// Package doctor is the command doctor.
package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/app/internal/version"
	"github.com/ergon-go/ergon/internal/humanize"
)

// graceVariable says, like the flag, how long the platform waits before it kills the process.
const graceVariable = "TERMINATION_GRACE_PERIOD"

type doctorFlags struct {
	grace   string
	timeout time.Duration
	offline bool
}

// Command are the command doctor.
type Command struct {
	Out     *output.Printer
	Configs *configuration.Loader
	Version version.Info
}

// Cobra is the command.
func (d *Command) Cobra() *cobra.Command {
	var flags doctorFlags
	c := &cobra.Command{
		Use: "doctor [task...]", Short: "Check the configuration against the machine that it is to run on", GroupID: command.GroupLook,
		Long: "Check the configuration against the machine that it is to run on, and say what to do about what is wrong: whether tasks fit\n" +
			"their connectors, leases and the time that the platform leaves for a shutdown; whether connectors and services can be reached,\n" +
			"and what they write to can be written; disk, memory, processors, clock and versions.\n\n" +
			"Nothing is fetched, sent or made. A connector that can only be looked at by opening it is opened and closed again.\n" +
			"The exit code is 1 where something fails; a warning is none.",
		ValidArgsFunction: d.Configs.CompleteTasks,
		RunE:              func(c *cobra.Command, names []string) error { return d.run(c.Context(), names, flags) },
	}
	c.Flags().StringVar(&flags.grace, "grace-period", "", "`time` that the platform waits after SIGTERM before it kills, such as 30s: "+
		"terminationGracePeriodSeconds\nof Kubernetes, TimeoutStopSec of systemd, stop_grace_period of compose (or set "+graceVariable+")")
	c.Flags().DurationVar(&flags.timeout, "timeout", 5*time.Second, "`time` that one connector or service has to answer")
	c.Flags().BoolVar(&flags.offline, "offline", false, "do not look at connectors and services")
	return c
}

// Statuses of findings.
const (
	statusOK   = "ok"
	statusWarn = "warn"
	statusFail = "fail"
)

// finding is what came of one check.
type finding struct {
	Status string `json:"status"`
	Check  string `json:"check"`
	Of     string `json:"of,omitempty"` // task, task/connector or path
	Found  string `json:"found"`
	Cure   string `json:"cure,omitempty"`
}

var errUnwell = errors.New("something would not work here")

func (d *Command) run(ctx context.Context, names []string, flags doctorFlags) error {
	if flags.timeout <= 0 {
		return usage.Errorf("--timeout is %s, it must be more than 0", flags.timeout)
	}
	c, err := d.Configs.Load()
	if err != nil {
		return err
	}
	grace, err := d.gracePeriod(flags.grace)
	if err != nil {
		return err
	}
	tasks, err := c.Select(names)
	if err != nil {
		return err
	}
	m := d.Out.Process.ThisMachine()
	var all []finding
	for _, task := range tasks {
		all = append(all, checkTask(task), checkShutdown(task, grace, m))
		if !flags.offline {
			all = append(all, checkComponents(ctx, task, flags.timeout, m)...)
		}
	}
	all = append(all, checkMachine(m, d.Version)...)
	return d.printFindings(all)
}

// gracePeriod is that of the flag, or of the environment; 0 where nobody has said it. A bare number is one of seconds, as
// Kubernetes writes it.
func (d *Command) gracePeriod(flag string) (time.Duration, error) {
	name, value := "--grace-period", flag
	if value == "" {
		name = graceVariable
		value, _ = d.Out.Process.LookupEnv(graceVariable)
	}
	if value == "" {
		return 0, nil
	}
	grace, err := time.ParseDuration(value)
	if err != nil {
		grace, err = time.ParseDuration(value + "s")
	}
	if err != nil || grace <= 0 {
		return 0, usage.Errorf("%s is %q, it must be a time such as 30s", name, value)
	}
	return grace, nil
}

func (d *Command) printFindings(all []finding) error {
	counts := map[string]int{}
	for _, f := range all {
		counts[f.Status]++
	}
	var failed error
	if counts[statusFail] > 0 {
		failed = &output.ReportedError{Err: errUnwell}
	}
	if d.Out.JSON() {
		return errors.Join(d.Out.PrintJSON(map[string]any{"ok": failed == nil, "findings": all}), failed)
	}
	colors := d.Out.Colors()
	rows := [][]table.Cell{d.Out.Heading("", "CHECK", "OF", "FOUND")}
	var cures strings.Builder
	for _, f := range all {
		row := table.Row(f.Status, f.Check, f.Of, text.OneLine(f.Found))
		switch f.Status {
		case statusWarn:
			row[0].Paint = colors.Yellow
		case statusFail:
			row[0].Paint = colors.Red
		}
		rows = append(rows, row)
		if f.Cure != "" {
			cures.WriteString("\n" + table.Format("", [][]table.Cell{{row[0], table.Cell{Text: f.Check + " " + f.Of}}}) + "  " + f.Cure + "\n")
		}
	}
	verdict := "\n" + humanize.Plural(counts[statusFail], "failure") + ", " + humanize.Plural(counts[statusWarn], "warning") + "\n"
	return errors.Join(d.Out.Print(table.Format("", d.Out.Clipped(rows))+cures.String()+verdict), failed)
}
