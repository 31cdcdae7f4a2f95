package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// [C2] Every fault at once, each with its place and the cure.
func TestRegisterReportsEveryFaultAtOnce(t *testing.T) {
	m := manage(t, runner.Settings{}, configure("triage", finiteQueue(0), processor(nil)))
	cfg := ergon.NewTaskConfig("triage", nil)
	cfg.Connectors["spare"] = ergon.Component{}
	cfg.Services["energy"] = ergon.Component{Type: "table"}
	cfg.Consumer.Loop.Concurrency.Value = 0
	cfg.Consumer.Process.Retry.MaxAttempts = 0
	cfg.Workers.Count = 0
	cfg.Shutdown.Grace = -1
	err := m.Register(cfg)
	fault, ok := errors.AsType[*runner.ConfigError](err)
	if !ok || fault.Task != "triage" {
		t.Fatalf("got error %v, want a ConfigError of triage", err)
	}
	want := []string{
		"a task of this name is registered already", "TaskConfig.New is nil",
		`connector "spare" cannot be made`, `service "energy" cannot be made`,
		`consumer.fetch.connector: connector "input" is not configured; configured are ["spare"]`,
		`consumer.loop.dead_letter: connector "dead_letters" is not configured`,
		"consumer.loop.concurrency.value: is 0", "consumer.process.retry.max_attempts: is 0",
		"workers.count: is 0", "shutdown.grace: is -1ns",
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("got %d faults, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines[:min(len(lines), len(want))] {
		if !strings.HasPrefix(line, `task "triage": `+want[i]) {
			t.Errorf("got fault %q, want %q", line, want[i])
		}
	}
	if _, ok := errors.AsType[*policy.Fault](err); !ok {
		t.Error("got no *policy.Fault in the error")
	}
	wantExitCode(t, err, 2)
	if n := len(m.Tasks()); n != 1 {
		t.Errorf("got %d tasks, want the faulty one left out", n)
	}
}

func TestTaskNames(t *testing.T) {
	for name, valid := range map[string]bool{
		"a": true, "Triage-2.b_c": true, "a" + strings.Repeat("b", 63): true,
		"": false, "2a": false, "-a": false, "a b": false, "a/b": false, "ä": false, "a\n": false, "a" + strings.Repeat("b", 64): false,
	} {
		err := runner.NewManager(runner.Settings{}).Register(configure(name, finiteQueue(0), processor(nil)))
		if valid != (err == nil) {
			t.Errorf("got error %v for the name %q", err, name)
		}
	}
}

// [B3] [I1] Two tasks with one identity would make the same ids.
func TestIdentityBelongsToOneTask(t *testing.T) {
	first, second := configure("a", finiteQueue(0), processor(nil)), configure("b", finiteQueue(0), processor(nil))
	first.Identity, second.Identity = "price/orders", "price/orders"
	m := manage(t, runner.Settings{}, first)
	if err := m.Register(second); err == nil || !strings.Contains(err.Error(), `identity: is also that of task "a"`) {
		t.Errorf("got %v, want the other task named", err)
	}
	second.Identity = "price"
	if err := m.Register(second); err == nil || !strings.Contains(err.Error(), `identity: is "price"`) {
		t.Errorf("got %v, want what is wrong with it", err)
	}
	second.Identity = "price/returns"
	if err := m.Register(second); err != nil {
		t.Error(err)
	}
}

func TestTasksAreInTheOrderOfRegistration(t *testing.T) {
	m := manage(t, runner.Settings{}, configure("b", finiteQueue(1), processor(nil)),
		configure("a", finiteQueue(1), processor(nil)), configure("c", finiteQueue(1), processor(nil)))
	names := func() (names []string) {
		for _, cfg := range m.Tasks() {
			names = append(names, cfg.Name)
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"b", "a", "c"}) {
		t.Errorf("got %q", got)
	}
	m.Tasks()[0].Name = "changed"
	if got := names()[0]; got != "b" {
		t.Errorf("got %q, want a copy", got)
	}
	summary, err := m.Run(t.Context(), "c", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	if len(summary.Tasks) != 2 || summary.Tasks[0].Name != "b" || summary.Tasks[1].Name != "c" {
		t.Errorf("got %+v, want b and c once each", summary.Tasks)
	}
}

func TestUnknownTaskIsAnsweredWithTheNearestNames(t *testing.T) {
	ran := false
	task := processor(func(context.Context, ergon.Transaction) (any, error) {
		ran = true
		return "done", nil
	})
	m := manage(t, runner.Settings{}, configure("triage-all", finiteQueue(1), task), configure("triage", finiteQueue(1), task),
		configure("import-flights", finiteQueue(1), task), configure("import-strikes", finiteQueue(1), task))
	for name, want := range map[string][]string{
		"traige":  {"triage"},
		"TRIAG":   {"triage", "triage-all"},
		"import":  {"import-flights", "import-strikes"},
		"strikes": {"import-strikes"},
		"zebra":   nil,
		"":        nil,
	} {
		_, err := m.Run(t.Context(), "triage", name)
		unknown, ok := errors.AsType[*runner.UnknownTaskError](err)
		if !ok || unknown.Name != name || !slices.Equal(unknown.Suggestions, want) {
			t.Errorf("got %v for %q, want the suggestions %q", err, name, want)
		}
		wantExitCode(t, err, 2)
	}
	if ran {
		t.Error("got a task run beside an unknown one")
	}
	_, err := m.Run(t.Context(), "traige", "zebra")
	wantErrorText(t, err, `unknown task "traige"; did you mean "triage"? known tasks: triage-all, triage, import-flights, import-strikes`,
		"\n", `unknown task "zebra"; known tasks: triage-all`)
	_, err = runner.NewManager(runner.Settings{}).Run(t.Context(), "zebra")
	wantErrorText(t, err, `unknown task "zebra"; no tasks are registered`)
}

func TestManagerWithoutTasksHasNothingToRun(t *testing.T) {
	_, err := runner.NewManager(runner.Settings{}).Run(t.Context())
	wantErrorText(t, err, "no task is registered")
	wantExitCode(t, err, 2)
}

func TestRunTaskNeedsNoManager(t *testing.T) {
	got, err := runner.RunTask(t.Context(), configure("triage", finiteQueue(7), processor(nil)), runner.Settings{Logger: quiet()})
	if err != nil || got.Outcomes[runner.Succeeded] != 7 {
		t.Errorf("got %+v, %v, want 7 succeeded", got, err)
	}
	_, err = runner.RunTask(t.Context(), ergon.TaskConfig{}, runner.Settings{})
	wantExitCode(t, err, 2)
}

func TestTaskIsMadeOncePerWorker(t *testing.T) {
	var made atomic.Int64
	cfg := configure("counted", nil, func(*ergon.Dependencies) ergon.Task {
		made.Add(1)
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
	})
	cfg.Connectors["input"] = ergon.Component{Type: "queue", New: func() (any, error) { return finiteQueue(3), nil }}
	cfg.Workers.Count = 3
	m := manage(t, runner.Settings{}, cfg)
	if got := made.Load(); got != 0 {
		t.Errorf("registering made it %d times, want 0", got)
	}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := made.Load(); got != 3 {
		t.Errorf("a run of 3 workers made it %d times, want 3", got)
	}
}
