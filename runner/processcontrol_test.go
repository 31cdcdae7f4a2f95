package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// [E2] Controls reach worker processes and their replacements, and the transactions that these record reach the supervisor.
func TestWorkerProcessesAreOperated(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	c := isolatedTask{Folder: string(newFolder(t)), Does: "exit", Streaming: true}
	recording := newRecording()
	recorder := observe.NewRecorder(false)
	m, end := c.runRecorded(ctx, t, recording, recorder)
	await := func(reached func(runner.WorkerProgress) bool) {
		t.Helper()
		awaitProgress(t, m, func(p runner.TaskProgress) bool { return reached(p.Each[0]) })
	}
	await(func(w runner.WorkerProgress) bool { return w.State == runner.WorkerRunning })
	if err := m.SetConcurrency(t.Context(), "isolated", 7); err != nil {
		t.Fatal(err)
	}
	await(func(w runner.WorkerProgress) bool { return w.Snapshot.Concurrency == 7 })
	folder(c.Folder).add(t, "bad") // which ends the process
	await(func(w runner.WorkerProgress) bool { return w.Restarts == 1 && w.Snapshot.Concurrency == 7 })
	if err := m.Pause(t.Context(), "isolated"); err != nil {
		t.Fatal(err)
	}
	if !m.Progress()[0].Snapshot.Paused {
		t.Error("it does not count as paused at once")
	}
	await(func(w runner.WorkerProgress) bool { return w.Snapshot.Paused })
	recorder.Watch(100)
	if err := m.Resume(t.Context(), "isolated"); err != nil {
		t.Fatal(err)
	}
	n := 0
	await(func(runner.WorkerProgress) bool { // once the process has heard that somebody watches
		n++
		folder(c.Folder).add(t, fmt.Sprintf("t%05d", n))
		return len(recorder.Recent(observe.Query{Outcome: "succeeded"})) > 0
	})
	got := recorder.Recent(observe.Query{})[0]
	if got.Task != "isolated" || got.Worker != "isolated-1" || got.Attempts[0].Phase != policy.PhaseProcess {
		t.Errorf("recorded %+v", got)
	}
	cancel()
	_, _ = end()
}

// [E2] Transactions that are enqueued after Pause has returned do not run before Resume. A concurrency is in force when
// SetConcurrency has returned.
func TestControlOfWorkerProcessesHoldsOnceAcknowledged(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	c := isolatedTask{Folder: string(newFolder(t)), Streaming: true, Count: 3}
	f := folder(c.Folder)
	m, end := c.run(ctx, t, newRecording())
	awaitProgress(t, m, func(p runner.TaskProgress) bool {
		return len(p.Each) == 3 && !slices.ContainsFunc(p.Each, func(w runner.WorkerProgress) bool { return w.State != runner.WorkerRunning })
	})
	for round := range 5 {
		if err := m.Pause(ctx, "isolated"); err != nil {
			t.Fatal(err)
		}
		enqueued := ids(3*round + 3)[3*round:]
		f.add(t, enqueued...)
		awaitBeats(t, m)
		if got := f.in("pending"); !slices.Equal(got, enqueued) || !m.Progress()[0].Snapshot.Paused {
			t.Fatalf("round %d: %q is left of %q, and paused is %v", round, got, enqueued, m.Progress()[0].Snapshot.Paused)
		}
		if err := errors.Join(m.SetConcurrency(ctx, "isolated", round+1), m.Resume(ctx, "isolated")); err != nil {
			t.Fatal(err)
		}
		awaitProgress(t, m, func(runner.TaskProgress) bool { return len(f.in("done")) == 3*round+3 })
	}
	if err := m.Pause(ctx, "isolated"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(m.Progress()[0].Each[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	f.add(t, "after")
	awaitProgress(t, m, func(p runner.TaskProgress) bool {
		return p.Each[0].Restarts == 1 && p.Each[0].State == runner.WorkerRunning
	})
	awaitBeats(t, m)
	if got := f.in("pending"); !slices.Equal(got, []string{"after"}) || !m.Progress()[0].Each[0].Snapshot.Paused {
		t.Errorf("%q is left: the replacement has fetched, although the task is paused", got)
	}
	cancel()
	_, _ = end()
}

// awaitBeats waits until each worker process has sent heartbeats for many times as long as a fetch takes.
func awaitBeats(t *testing.T, m *runner.Manager) {
	t.Helper()
	from := time.Now().Add(100 * time.Millisecond)
	awaitProgress(t, m, func(p runner.TaskProgress) bool {
		return !slices.ContainsFunc(p.Each, func(w runner.WorkerProgress) bool { return w.Heartbeat.Before(from) })
	})
}

// [E2] A process that is stopped has confirmed nothing: the error names it, and its worker does not count as changed. The last
// change is in force when the process continues.
func TestControlThatAWorkerProcessDoesNotConfirmIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	c := isolatedTask{Folder: string(newFolder(t)), Streaming: true, Count: 2}
	m, end := c.run(ctx, t, newRecording())
	awaitProgress(t, m, func(p runner.TaskProgress) bool {
		return len(p.Each) == 2 && p.Each[0].State == runner.WorkerRunning && p.Each[1].State == runner.WorkerRunning
	})
	pid := m.Progress()[0].Each[1].PID
	holdStill(t, pid)
	unconfirmed := func(err, cause error) {
		t.Helper()
		if !errors.Is(err, runner.ErrUnconfirmed) || !errors.Is(err, cause) ||
			!strings.Contains(err.Error(), fmt.Sprintf("isolated-2 (process %d)", pid)) || strings.Contains(err.Error(), "isolated-1") {
			t.Errorf("got %v, want one that names isolated-2 and no other, for %v", err, cause)
		}
	}
	began := time.Now()
	unconfirmed(m.Pause(ctx, "isolated"), context.DeadlineExceeded)
	if d := time.Since(began); d < 5*time.Second || d > 15*time.Second {
		t.Errorf("it has waited for %s, want 5s", d)
	}
	short, done := context.WithTimeout(ctx, 100*time.Millisecond)
	defer done()
	unconfirmed(m.SetConcurrency(short, "isolated", 7), context.DeadlineExceeded)
	if each := m.Progress()[0].Each; !each[0].Snapshot.Paused || each[1].Snapshot.Paused {
		t.Errorf("got %+v, want the first paused and the second, which is stopped, not", each)
	}
	canceled, leave := context.WithCancel(ctx)
	leave()
	if err := m.Pause(canceled, "isolated"); !errors.Is(err, runner.ErrUnconfirmed) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the caller's context", err)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	awaitProgress(t, m, func(p runner.TaskProgress) bool {
		return p.Each[1].Snapshot.Paused && p.Each[1].Snapshot.Concurrency == 7
	})
	if err := m.Pause(ctx, "isolated"); err != nil {
		t.Error(err)
	}
	cancel()
	_, _ = end()
}

// holdStill stops a child process, and returns when it is stopped. The process continues at the end of the test at the latest.
func holdStill(t *testing.T, pid int) {
	t.Helper()
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || !status.Stopped():
			t.Fatalf("process %d is not stopped: %v", pid, err)
		default:
			return
		}
	}
}
