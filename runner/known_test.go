package runner_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

// knowing is a task that sends "x" to a queue wherever it can: in its flow, before and after its loop, in the loop, and at its exit.
func knowing(to ergon.Dispatcher) ergon.Task {
	send := func(ctx context.Context) error {
		return to.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("x", "same"), ergon.NewTransaction("y", "same")})
	}
	return ergon.Task{
		Process: func(ctx context.Context, _ ergon.Transaction) (any, error) { return nil, send(ctx) },
		Execute: func(ctx context.Context, run ergon.TaskRun) error {
			if err := send(ctx); err != nil {
				return err
			}
			p, _ := run.Policies()
			if err := run.Consume(ctx, p); err != nil {
				return err
			}
			return to.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("x", "other")})
		},
		Exit: send,
	}
}

// [I2] [E6] What sinks knew is counted wherever a task dispatches, and once.
func TestWhatSinksKnewIsCountedWhereverATaskDispatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := memory.New(memory.Settings{Dedup: true})
		cfg := configure("triage", finiteQueue(3), func(*ergon.Dependencies) ergon.Task { return knowing(sink) })
		m := manage(t, runner.Settings{}, cfg)
		summary, err := m.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Stored once, then known three times in the loop and at the exit.
		if s := summary.Tasks[0].Snapshot; s.Duplicates != 8 || s.Conflicts != 1 || s.Diverged != 0 {
			t.Errorf("got %d duplicates, %d conflicts and %d diverged, want 8, 1 and 0", s.Duplicates, s.Conflicts, s.Diverged)
		}
	})
}
