package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/internal/humanize"
)

// graceVariable says, like the flag, how long the platform waits before it kills the process.
const graceVariable = "TERMINATION_GRACE_PERIOD"

type doctorFlags struct {
	grace   string
	timeout time.Duration
	offline bool
}

// doctorCommands are the command doctor.
type doctorCommands struct {
	out     *printer
	configs *loader
	version versions
}

func (d *doctorCommands) command() *cobra.Command {
	var flags doctorFlags
	c := &cobra.Command{
		Use: "doctor [task...]", Short: "Check the configuration against the machine that it is to run on", GroupID: groupLook,
		Long: "Check the configuration against the machine that it is to run on, and say what to do about what is wrong: whether tasks fit\n" +
			"their connectors, leases and the time that the platform leaves for a shutdown; whether connectors and services can be reached,\n" +
			"and what they write to can be written; disk, memory, processors, clock and versions.\n\n" +
			"Nothing is fetched, sent or made. A connector that can only be looked at by opening it is opened and closed again.\n" +
			"The exit code is 1 where something fails; a warning is none.",
		ValidArgsFunction: d.configs.completeTasks,
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

func (d *doctorCommands) run(ctx context.Context, names []string, flags doctorFlags) error {
	if flags.timeout <= 0 {
		return usagef("--timeout is %s, it must be more than 0", flags.timeout)
	}
	c, err := d.configs.load()
	if err != nil {
		return err
	}
	grace, err := d.gracePeriod(flags.grace)
	if err != nil {
		return err
	}
	tasks, err := c.chosen(names)
	if err != nil {
		return err
	}
	m := d.out.process.machine()
	var all []finding
	for _, task := range tasks {
		all = append(all, checkTask(task), checkShutdown(task, grace, m))
		if !flags.offline {
			all = append(all, checkComponents(ctx, task, flags.timeout, m)...)
		}
	}
	all = append(all, checkMachine(m, d.version)...)
	return d.printFindings(all)
}

// gracePeriod is that of the flag, or of the environment; 0 where nobody has said it. A bare number is one of seconds, as
// Kubernetes writes it.
func (d *doctorCommands) gracePeriod(flag string) (time.Duration, error) {
	name, text := "--grace-period", flag
	if text == "" {
		name = graceVariable
		text, _ = d.out.process.LookupEnv(graceVariable)
	}
	if text == "" {
		return 0, nil
	}
	grace, err := time.ParseDuration(text)
	if err != nil {
		grace, err = time.ParseDuration(text + "s")
	}
	if err != nil || grace <= 0 {
		return 0, usagef("%s is %q, it must be a time such as 30s", name, text)
	}
	return grace, nil
}

func (d *doctorCommands) printFindings(all []finding) error {
	counts := map[string]int{}
	for _, f := range all {
		counts[f.Status]++
	}
	var failed error
	if counts[statusFail] > 0 {
		failed = &reportedError{err: errUnwell}
	}
	if d.out.json() {
		return errors.Join(d.out.printJSON(map[string]any{"ok": failed == nil, "findings": all}), failed)
	}
	colors := d.out.colors()
	rows := [][]cell{d.out.heading("", "CHECK", "OF", "FOUND")}
	var cures strings.Builder
	for _, f := range all {
		row := cells(f.Status, f.Check, f.Of, oneLine(f.Found))
		switch f.Status {
		case statusWarn:
			row[0].paint = colors.yellow
		case statusFail:
			row[0].paint = colors.red
		}
		rows = append(rows, row)
		if f.Cure != "" {
			cures.WriteString("\n" + table("", [][]cell{{row[0], cell{text: f.Check + " " + f.Of}}}) + "  " + f.Cure + "\n")
		}
	}
	verdict := "\n" + humanize.Plural(counts[statusFail], "failure") + ", " + humanize.Plural(counts[statusWarn], "warning") + "\n"
	return errors.Join(d.out.print(table("", d.out.clipped(rows))+cures.String()+verdict), failed)
}
