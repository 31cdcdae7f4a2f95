package runner_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

// boundQueue notes the worker of BindWorker, and whether that was called before Open.
type boundQueue struct {
	*memory.Queue

	note func(string)
	open bool
}

func (q *boundQueue) BindWorker(w capability.Worker) {
	telemetry := w.Logger != nil && w.Tracer != nil
	q.note(fmt.Sprintf("%s %s %s %d of %d, opened %t, telemetry %t", w.Task, w.Component, w.Name, w.Index, w.Count, q.open, telemetry))
}

func (q *boundQueue) Open(ctx context.Context) error {
	q.open = true
	return q.Queue.Open(ctx)
}

// boundTask is a task with a boundQueue.
func boundTask(workers int) (ergon.TaskConfig, func() []string) {
	var mu sync.Mutex
	var notes []string
	cfg := ergon.NewTaskConfig("copy", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
	})
	cfg.Connectors["input"] = ergon.Component{Type: "queue", New: func() (any, error) {
		return &boundQueue{Queue: memory.New(memory.Settings{Finite: true}), note: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			notes = append(notes, text)
		}}, nil
	}}
	cfg.Connectors["dead_letters"] = ergon.Component{Type: "queue", New: func() (any, error) { return memory.New(memory.Settings{}), nil }}
	cfg.Workers.Count = workers
	return cfg, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(slices.Values(notes))
	}
}

// [E2] BindWorker of a connector is called before Open. In UseConnectors the number of workers is 0.
func TestConnectorsAreToldWhichWorkerTheyBelongTo(t *testing.T) {
	cfg, notes := boundTask(3)
	m := runner.NewManager(runner.Settings{})
	if err := m.Register(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"copy input copy-1 0 of 3, opened false, telemetry true", "copy input copy-2 1 of 3, opened false, telemetry true",
		"copy input copy-3 2 of 3, opened false, telemetry true",
	}
	if got := notes(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	err := m.UseConnectors(t.Context(), "copy", []string{"input"}, func(context.Context, map[string]any) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := notes(); !slices.Contains(got, "copy input copy-connectors 0 of 0, opened false, telemetry true") {
		t.Errorf("got %q, want one that belongs to no worker", got)
	}
}
