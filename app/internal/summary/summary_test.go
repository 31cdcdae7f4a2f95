package summary_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/summary"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// bad is a task to which everything happened.
func bad() runner.TaskSummary {
	return runner.TaskSummary{Name: "triage", Err: errors.New("fetch: out of paper"), Snapshot: runner.Snapshot{
		Fetched: 10_000, Started: 9_999, Retries: 312, Timeouts: 40, Late: 3, Abandoned: 2,
		Duplicates: 5, Conflicts: 6, Diverged: 7, Elapsed: 1240 * time.Millisecond,
		Outcomes: map[runner.Outcome]int64{
			runner.Succeeded: 9_900, runner.DeadLettered: 15, runner.Requeued: 14, runner.Discarded: 13,
			runner.HandlerFailed: 12, runner.Interrupted: 11, runner.Redelivered: 10,
		},
		Phases: map[policy.Phase]runner.PhaseStats{
			policy.PhaseSettle:  {Count: 110, P50: 900, P99: 52 * time.Microsecond, Max: time.Millisecond},
			policy.PhaseFetch:   {Count: 101, P50: 1200 * time.Microsecond, P99: 3400 * time.Microsecond, Max: 3500 * time.Microsecond},
			policy.PhaseProcess: {Count: 10_312, P50: 12 * time.Microsecond, P99: 51 * time.Millisecond, Max: 2 * time.Minute},
		},
	}, Each: []runner.WorkerProgress{{Restarts: 1}, {Restarts: 2}}}
}

func TestSummaryIsATableThatPeopleCanRead(t *testing.T) {
	good := runner.TaskSummary{Name: "count", Snapshot: runner.Snapshot{
		Fetched: 1, Started: 1, Elapsed: 4 * time.Second, Outcomes: map[runner.Outcome]int64{runner.Succeeded: 1},
		Phases: map[policy.Phase]runner.PhaseStats{policy.PhaseProcess: {Count: 1, P50: 5, P99: 5, Max: 5}},
	}}
	never := runner.TaskSummary{Name: "never ran", Err: errors.New("x")}
	got := summary.Format(runner.Summary{Tasks: []runner.TaskSummary{bad(), good, never}}, output.Colors{})
	want, err := os.ReadFile("testdata/summary.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("summary.txt (-want +got):\n%s", diff)
	}
}

func TestColorsDoNotMoveTheColumns(t *testing.T) {
	total := runner.Summary{Tasks: []runner.TaskSummary{bad()}}
	colored := summary.Format(total, output.Colors{On: true})
	if !strings.Contains(colored, "\x1b[31mhandler failed\x1b[0m") {
		t.Errorf("a permanent failure of a handler is not red in\n%s", colored)
	}
	plain := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[31m", "", "\x1b[33m", "").Replace(colored)
	if want := summary.Format(total, output.Colors{}); plain != want {
		t.Errorf("without colors\n%s\nwant\n%s", plain, want)
	}
}
