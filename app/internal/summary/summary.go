// Package summary writes the result of a run, for people and as JSON.
package summary

import (
	"strings"
	"time"

	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// outcomes are the outcomes of transactions, in the order and the words of a summary.
var outcomes = [...]struct { //nolint:gochecknoglobals // Go has no constants of this kind
	outcome runner.Outcome
	words   string
}{
	{runner.Succeeded, "succeeded"},
	{runner.DeadLettered, "dead-lettered"},
	{runner.Requeued, "requeued"},
	{runner.Discarded, "discarded"},
	{runner.HandlerFailed, "handler failed"},
	{runner.Interrupted, "interrupted"},
	{runner.Redelivered, "redelivered"},
	{runner.Failed, "failed"},
}

// Format writes the result of each task for people. It leaves out tasks that did not run.
func Format(summary runner.Summary, c output.Colors) string {
	var blocks []string
	for _, t := range summary.Tasks {
		if t.Snapshot.Elapsed == 0 {
			continue
		}
		blocks = append(blocks, c.Bold(t.Name)+": "+ending(t)+"\n\n"+
			table.Format("  ", append(counts(t.Snapshot, c), restarts(t, c)...))+"\n"+table.Format("  ", phaseTimes(t.Snapshot, c)))
	}
	return strings.Join(blocks, "\n")
}

func ending(t runner.TaskSummary) string {
	text := "done in "
	if t.Err != nil {
		text = "ended early, after "
	}
	return text + humanize.Duration(t.Snapshot.Elapsed) + ", " + humanize.Rate(throughput(t.Snapshot)) + " transactions/s"
}

// throughput is the number of ended transactions per second.
func throughput(s runner.Snapshot) float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Ended()) / s.Elapsed.Seconds()
}

func counts(s runner.Snapshot, c output.Colors) [][]table.Cell {
	rows := [][]table.Cell{count("fetched", s.Fetched, nil)}
	for _, o := range outcomes {
		n := s.Outcomes[o.outcome]
		switch {
		case o.outcome == runner.Succeeded:
			rows = append(rows, count(o.words, n, nil))
		case n > 0 && (o.outcome == runner.HandlerFailed || o.outcome == runner.Failed):
			rows = append(rows, count(o.words, n, c.Red))
		case n > 0:
			rows = append(rows, count(o.words, n, c.Yellow))
		}
	}
	if s.Produced > 0 {
		rows = append(rows, count("produced", s.Produced, nil))
	}
	rows = append(rows, known(s, c)...)
	rows = append(rows, count("retries", s.Retries, nil), count("timeouts", s.Timeouts, nil))
	if s.Abandoned > 0 {
		rows = append(rows, count("abandoned, still running", s.Abandoned, c.Red))
	}
	if s.Late > 0 {
		rows = append(rows, count("results too late, ignored", s.Late, c.Yellow))
	}
	return rows
}

// known are the rows for duplicates, conflicts and diverged outputs, if there are any.
func known(s runner.Snapshot, c output.Colors) [][]table.Cell {
	var rows [][]table.Cell
	if s.Duplicates > 0 {
		rows = append(rows, count("known already", s.Duplicates, nil))
	}
	if s.Conflicts > 0 {
		rows = append(rows, count("same id, other content, not stored", s.Conflicts, c.Red))
	}
	if s.Diverged > 0 {
		rows = append(rows, count("different output, stored as well", s.Diverged, c.Yellow))
	}
	return rows
}

// restarts is a row if there were any.
func restarts(t runner.TaskSummary, c output.Colors) [][]table.Cell {
	if n := t.Restarts(); n > 0 {
		return [][]table.Cell{count("worker restarts", int64(n), c.Yellow)}
	}
	return nil
}

func count(what string, n int64, paint func(string) string) []table.Cell {
	return []table.Cell{{Text: what, Paint: paint}, {Text: humanize.Count(n), Right: true, Paint: paint}}
}

func phaseTimes(s runner.Snapshot, c output.Colors) [][]table.Cell {
	heading := table.Row("phase", "attempts", "p50", "p99", "max")
	for i := range heading {
		heading[i].Paint, heading[i].Right = c.Bold, i > 0
	}
	rows := [][]table.Cell{heading}
	for _, phase := range phases() {
		if p, ok := s.Phases[phase]; ok {
			rows = append(rows, []table.Cell{
				{Text: string(phase)},
				{Text: humanize.Count(p.Count), Right: true},
				duration(p.P50), duration(p.P99), duration(p.Max),
			})
		}
	}
	return rows
}

func duration(d time.Duration) table.Cell { return table.Cell{Text: humanize.Duration(d), Right: true} }

// phases are in the order in which a transaction goes through them.
func phases() []policy.Phase {
	return []policy.Phase{
		policy.PhaseFetch, policy.PhaseProcess, policy.PhasePrepare, policy.PhaseSuccess, policy.PhaseException, policy.PhaseSettle,
	}
}
