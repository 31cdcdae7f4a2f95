package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ergon-go/ergon/runner"
)

// minute is far longer than any of these tests takes.
const minute = time.Minute

// bounded bounds a test with real processes, which need real time.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), minute, errors.New("the test took too long"))
	t.Cleanup(cancel)
	return ctx
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("t%02d", i)
	}
	return all
}

// [E2] Each worker has its own process; the summary has the sums.
func TestWorkerProcessesShareTheWork(t *testing.T) {
	c := isolatedTask{Folder: string(newFolder(t, ids(40)...)), Count: 3}
	recording := newRecording()
	m, end := c.run(bounded(t), t, recording)
	summary, err := end()
	if err != nil {
		t.Fatalf("%v\n%s", err, recording.text.String())
	}
	s := summary.Snapshot
	if s.Fetched != 40 || s.Started != 40 || s.Outcomes[runner.Succeeded] != 40 || s.InFlight != 0 || s.Elapsed <= 0 {
		t.Errorf("got %+v, want 40 that succeeded", s)
	}
	if p := s.Phases["process"]; p.Count != 40 || p.P50 <= 0 || p.P50 > p.P99 || p.P99 > p.Max {
		t.Errorf("got %+v, want the times of 40 attempts", p)
	}
	if got := folder(c.Folder).in("done"); len(got) != 40 {
		t.Errorf("%d are done, want 40", len(got))
	}
	progress := m.Progress()[0]
	if progress.Total != 40 || progress.Workers != 3 || len(progress.Each) != 3 {
		t.Errorf("got %+v, want 3 workers and 40 in all", progress)
	}
	for i, w := range summary.Each {
		if w.State != runner.WorkerEnded || w.PID != 0 || w.Restarts != 0 || w.Name != fmt.Sprintf("isolated-%d", i+1) || w.Heartbeat.IsZero() {
			t.Errorf("got %+v, want a worker that has ended", w)
		}
	}
}

// [E2] [T2] Whatever a handler does affects its own worker only: the process is replaced, and its transactions are delivered
// again. In the end nothing is lost and nothing has failed.
func TestWorkerProcessThatDiesIsReplaced(t *testing.T) {
	const heartbeat = 3 * time.Second // for a machine that has more to do
	for does, test := range map[string]struct {
		count     int
		heartbeat time.Duration
		said      string
	}{
		"exit":              {2, 0, "its process died: exit status 3"},
		"exit well":         {2, 0, "its process ended by os.Exit(0)"},
		"panic aside":       {2, 0, "its process died: exit status 2"},
		"hang in the spans": {2, heartbeat, "its process died: its loop was stuck (handlers) for 3s"},
		"hold still":        {2, heartbeat, "its process died: it sent no heartbeat for 3s"},
		"never return":      {1, 0, "attempts were given up at their deadline and their handlers have not returned"},
		"be told to end":    {2, 0, "its process was ended by another program: stopped by SIGTERM"},
	} {
		t.Run(does, func(t *testing.T) {
			c := isolatedTask{
				Folder: string(newFolder(t, append(ids(10), "bad")...)), Does: does, Count: test.count, Heartbeat: test.heartbeat,
				Force: time.Second,
			}
			recording, ctx := newRecording(), bounded(t)
			if test.heartbeat > 0 { // one that is not missed is told to end, so that the test fails soon
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeoutCause(ctx, 6*test.heartbeat, errors.New("nobody missed the heartbeat"))
				defer cancel()
			}
			_, end := c.run(ctx, t, recording)
			summary, err := end()
			if err != nil {
				t.Fatalf("%v\n%s", err, recording.text.String())
			}
			line := recording.await(t, "worker process is replaced")
			if !strings.Contains(line, test.said) || !strings.Contains(line, "worker=isolated-") {
				t.Errorf("got %q, want %q in it, and the worker", line, test.said)
			}
			f := folder(c.Folder)
			if left := slices.Concat(f.in("pending"), f.in("claimed")); len(left) > 0 || len(f.in("done")) != 11 {
				t.Errorf("left are %q, done %q; want all done", left, f.in("done"))
			}
			// What the one that died had done counts. What it had not told its source of is done again, and counts again.
			o := summary.Snapshot.Outcomes
			if n := summary.Snapshot.Ended() - o[runner.Interrupted] - o[runner.Redelivered] - o[runner.Requeued]; n < 11 || n > 13 {
				t.Errorf("%d are done, want 11, and two more at most: %v", n, o)
			}
			restarts := 0
			for _, w := range summary.Each {
				restarts += w.Restarts
			}
			if restarts != 1 {
				t.Errorf("got %d restarts, want 1: the other worker went on", restarts)
			}
		})
	}
}

// [E2] [E4] A worker whose processes die one after the other is given up, and the run has failed.
func TestWorkerWhoseProcessesKeepDyingIsGivenUp(t *testing.T) {
	c := isolatedTask{Folder: string(newFolder(t, ids(5)...)), Does: "exit each time", CrashLimit: 2}
	recording := newRecording()
	_, end := c.run(bounded(t), t, recording)
	summary, err := end()
	wantErrorText(t, err,
		`task "isolated": given up after 2 processes in a row that finished no transaction: its process died: exit status 3`)
	wantExitCode(t, err, 1)
	if w := summary.Each[0]; w.State != runner.WorkerGivenUp || w.Restarts != 1 || w.PID != 0 {
		t.Errorf("got %+v, want a worker that is given up after one restart", w)
	}
}

// [E2] Nobody would deliver again what a process that only produces had in hand, and another one would begin with what is
// produced already.
func TestProcessThatOnlyProducesIsNotReplaced(t *testing.T) {
	c := isolatedTask{Folder: string(newFolder(t)), Does: "produce and exit"}
	_, end := c.run(bounded(t), t, newRecording())
	summary, err := end()
	wantErrorText(t, err,
		`task "isolated": its process died: exit status 3; the task has no source that delivers its work again, so it needs a new run`)
	wantExitCode(t, err, 1)
	if w := summary.Each[0]; w.State != runner.WorkerEnded || w.Restarts != 0 {
		t.Errorf("got %+v, want a worker that has ended", w)
	}
}

// [E2] [L2] The limit holds for all processes of all workers together: what one that died had taken has been started.
func TestLimitIsSharedByWorkerProcesses(t *testing.T) {
	for does, least := range map[string]int{"": 7, "exit": 3} {
		c := isolatedTask{Folder: string(newFolder(t, append([]string{"bad"}, ids(20)...)...)), Does: does, Count: 2, Limit: 7}
		recording := newRecording()
		_, end := c.run(bounded(t), t, recording)
		if _, err := end(); err != nil && !strings.Contains(err.Error(), "loop.limit is reached, so it is not replaced") {
			t.Fatalf("%q: %v\n%s", does, err, recording.text.String())
		}
		if got := len(folder(c.Folder).in("effects")); got > 7 || got < least {
			t.Errorf("%q: got %d processed, want at most 7, and no less than what the other worker had to do", does, got)
		}
	}
}

// [E4] A fault of the configuration that a worker process finds is returned once, and nothing runs.
func TestFaultsThatWorkerProcessesFindAreFaultsOfTheConfiguration(t *testing.T) {
	for does, want := range map[string]string{
		"lack a service": `task "isolated": service "missing" is not configured`,
		"forget": `task "isolated": workers.isolation: process, but connector "input" (given) keeps its data in the memory ` +
			`of one process`,
	} {
		c := isolatedTask{Folder: string(newFolder(t, ids(3)...)), Does: does, Count: 2}
		_, end := c.run(bounded(t), t, newRecording())
		_, err := end()
		wantErrorText(t, err, want)
		wantExitCode(t, err, 2)
		if _, fault := errors.AsType[*runner.ConfigError](err); !fault || strings.Count(err.Error(), "\n") > 1 {
			t.Errorf("got %v, want the fault once, as a *ConfigError", err)
		}
		if got := folder(c.Folder).in("pending"); len(got) != 3 {
			t.Errorf("%d are left, want all: nothing runs", len(got))
		}
	}
}

// [E3] The end of a run ends its processes in order: their transactions are requeued, and the cause is in the error once.
func TestShutdownOfARunIsThatOfItsProcesses(t *testing.T) {
	c := isolatedTask{Folder: string(newFolder(t, ids(8)...)), Does: "heed", Count: 2, Streaming: true}
	recording := newRecording()
	ctx, stop := context.WithCancelCause(bounded(t))
	m, end := c.run(ctx, t, recording)
	awaitProgress(t, m, func(p runner.TaskProgress) bool { return p.Snapshot.InFlight == 4 })
	for _, w := range m.Progress()[0].Each {
		if w.State != runner.WorkerRunning || w.PID == 0 || w.Heartbeat.IsZero() {
			t.Errorf("got %+v, want one that runs in a process", w)
		}
	}
	stop(&runner.SignalError{Signal: syscall.SIGTERM})
	summary, err := end()
	wantExitCode(t, err, 143)
	if got := err.Error(); got != "stopped by SIGTERM" {
		t.Errorf("got %q, want the cause alone, once", got)
	}
	if s := summary.Snapshot; s.Outcomes[runner.Interrupted] != 4 || s.Ended() != 4 {
		t.Errorf("got %+v, want 4 interrupted", s)
	}
	if got := folder(c.Folder).in("pending"); len(got) != 8 {
		t.Errorf("pending are %q, want all", got)
	}
}

// [E3] A process that is stopped during a forced shutdown is killed 4 s after it was forced.
func TestWorkerProcessThatDoesNotEndIsKilled(t *testing.T) {
	c := isolatedTask{Folder: string(newFolder(t, "bad")), Does: "hold still", Heartbeat: time.Hour, Force: time.Millisecond}
	t.Setenv(asProgram, c.environ())
	recording, force := newRecording(), make(chan struct{})
	ctx, stop := context.WithCancelCause(bounded(t))
	m := manage(t, runner.Settings{Output: recording, Force: force}, c.config())
	done := make(chan error)
	go func() {
		_, err := m.Run(ctx)
		done <- err
	}()
	awaitStop(t, recording.await(t, "holding"))
	stop(errStop)
	close(force)
	err := <-done
	wantErrorText(t, err, errStop.Error(), "its process died: it had not ended when the time to shut down was over, and was killed")
	wantExitCode(t, err, 1)
}

// awaitStop waits until the process that a line ends with is stopped.
func awaitStop(t *testing.T, line string) {
	t.Helper()
	pid, err := strconv.Atoi(line[strings.LastIndex(line, " ")+1:])
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("got %v, %v of process %d, want it stopped", status, err, pid)
	}
}

// awaitProgress waits until a worker process has reported that.
func awaitProgress(t *testing.T, m *runner.Manager, reached func(runner.TaskProgress) bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for ctx := bounded(t); ; {
		if p := m.Progress(); len(p) > 0 && reached(p[0]) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("got %+v, and it was not reached", m.Progress())
		}
	}
}
