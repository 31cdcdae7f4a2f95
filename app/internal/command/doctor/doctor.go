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

// graceVariable is the environment variable for --grace-period.
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
		Use: "doctor [task...]", Short: "Check the configuration against this machine", GroupID: command.GroupLook,
		Long: "Check the configuration against this machine, and print a remedy for each problem: whether tasks fit their connectors,\n" +
			"leases and the grace period of the platform; whether connectors and services can be reached and their files can be\n" +
			"written; disk, memory, processors, clock and versions.\n\n" +
			"doctor fetches, sends and creates nothing. A connector that cannot be probed is opened and closed.\n" +
			"The exit code is 1 if a check fails. Warnings do not change it.",
		ValidArgsFunction: d.Configs.CompleteTasks,
		RunE:              func(c *cobra.Command, names []string) error { return d.run(c.Context(), names, flags) },
	}
	c.Flags().StringVar(&flags.grace, "grace-period", "", "`time` between SIGTERM and SIGKILL, such as 30s: "+
		"terminationGracePeriodSeconds of Kubernetes,\nTimeoutStopSec of systemd, stop_grace_period of compose (or set "+graceVariable+")")
	c.Flags().DurationVar(&flags.timeout, "timeout", 5*time.Second, "`time` limit for each connector or service")
	c.Flags().BoolVar(&flags.offline, "offline", false, "skip connectors and services")
	return c
}

// Statuses of findings.
const (
	statusOK   = "ok"
	statusWarn = "warn"
	statusFail = "fail"
)

// finding is the result of one check.
type finding struct {
	Status string `json:"status"`
	Check  string `json:"check"`
	Of     string `json:"of,omitempty"` // task, task/connector or path
	Found  string `json:"found"`
	Cure   string `json:"cure,omitempty"`
}

var errChecksFailed = errors.New("some checks failed")

func (d *Command) run(ctx context.Context, names []string, flags doctorFlags) error {
	if flags.timeout <= 0 {
		return usage.Errorf("--timeout is %s, must be more than 0", flags.timeout)
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

// gracePeriod is the value of the flag or of the environment; 0 if it is unknown. A number without a unit is seconds, as in
// Kubernetes.
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
		return 0, usage.Errorf("%s is %q, must be a time such as 30s", name, value)
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
		failed = &output.ReportedError{Err: errChecksFailed}
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
