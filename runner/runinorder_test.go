package runner_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

// steps are tasks that write down their transactions, one each; the one called broken cannot be opened.
func steps(j *journal, names ...string) []ergon.TaskConfig {
	var tasks []ergon.TaskConfig
	for _, name := range names {
		cfg := configure(name, finiteQueue(1), processor(func(context.Context, ergon.Transaction) (any, error) {
			j.addf("process %s", name)
			return nil, nil
		}))
		p := &part{journal: j, name: name}
		if name == "broken" {
			p.onOpen = failing
		}
		cfg.Connectors["sink"] = p.component()
		tasks = append(tasks, cfg)
	}
	return tasks
}

func TestTasksInOrderWaitForEachOther(t *testing.T) {
	for name, c := range map[string]struct{ names, want []string }{
		"all":   {nil, []string{"first", "second"}},
		"named": {[]string{"second", "first"}, []string{"second", "first"}},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			flushed := 0
			m := manage(t, runner.Settings{Flush: func(context.Context) error { flushed++; return nil }}, steps(&j, "first", "second")...)
			summary, err := m.RunInOrder(t.Context(), c.names...)
			if err != nil || flushed != 1 {
				t.Errorf("%v, flushed %d times, want once", err, flushed)
			}
			var want []string
			for i, step := range c.want {
				want = append(want, "make "+step, "open "+step, "process "+step, "finish "+step, "close "+step)
				if got := summary.Tasks[i]; got.Name != step || got.Snapshot.Outcomes[runner.Succeeded] != 1 {
					t.Errorf("step %d: got %+v, want %s, and 1 success", i, got, step)
				}
			}
			j.want(t, want...)
		})
	}
}

func TestTasksInOrderEndWithTheFirstThatFails(t *testing.T) {
	var j journal
	m := manage(t, runner.Settings{}, steps(&j, "first", "broken", "last")...)
	summary, err := m.RunInOrder(t.Context())
	if !errors.Is(err, errBroken) || len(summary.Tasks) != 2 || summary.Tasks[0].Err != nil || summary.Tasks[1].Err == nil {
		t.Errorf("got %+v, %v, want the first done, the second broken and no third", summary, err)
	}
	wantExitCode(t, err, 1)
	if _, err := m.RunInOrder(t.Context(), "frist"); runner.ExitCode(err) != 2 {
		t.Errorf("unknown task: got %v, want a mistake of usage", err)
	}
}
