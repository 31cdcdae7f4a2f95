package runner_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// [E2] What operators say is passed on to worker processes, also to those that come later, and what became of transactions
// there is heard of here.
func TestWorkerProcessesAreOperated(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	c := crew{Folder: string(newFolder(t)), Does: "exit", Streaming: true}
	tape := newTape()
	recorder := observe.NewRecorder(false)
	m, end := c.runRecorded(ctx, t, tape, recorder)
	await := func(reached func(runner.WorkerProgress) bool) {
		t.Helper()
		awaitProgress(t, m, func(p runner.TaskProgress) bool { return reached(p.Each[0]) })
	}
	await(func(w runner.WorkerProgress) bool { return w.State == runner.WorkerRunning })
	if err := m.SetConcurrency("crew", 7); err != nil {
		t.Fatal(err)
	}
	await(func(w runner.WorkerProgress) bool { return w.Snapshot.Concurrency == 7 })
	folder(c.Folder).add(t, "bad") // which ends the process
	await(func(w runner.WorkerProgress) bool { return w.Restarts == 1 && w.Snapshot.Concurrency == 7 })
	if err := m.Pause("crew"); err != nil {
		t.Fatal(err)
	}
	if !m.Progress()[0].Snapshot.Paused {
		t.Error("it does not count as paused at once")
	}
	await(func(w runner.WorkerProgress) bool { return w.Snapshot.Paused })
	recorder.Watch(100)
	if err := m.Resume("crew"); err != nil {
		t.Fatal(err)
	}
	n := 0
	await(func(runner.WorkerProgress) bool { // once the process has heard that somebody watches
		n++
		folder(c.Folder).add(t, fmt.Sprintf("t%05d", n))
		return len(recorder.Recent(observe.Query{Outcome: "succeeded"})) > 0
	})
	got := recorder.Recent(observe.Query{})[0]
	if got.Task != "crew" || got.Worker != "crew-1" || got.Attempts[0].Phase != policy.PhaseProcess {
		t.Errorf("recorded %+v", got)
	}
	cancel()
	_, _ = end()
}
