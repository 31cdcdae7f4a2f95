package runner_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

// asProgram, in the environment, makes the test binary a program that runs one streaming task: "heed" with a handler that
// respects its context, "nohup" likewise with SIGHUP ignored, "ignore" with one that does not, "hang" with a service besides that
// does not close, "done" with nothing to do, "unread" with something to print, "broken" with a source that fails; a JSON object
// is an isolatedTask.
const asProgram = "ERGON_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch kind := os.Getenv(asProgram); {
	case strings.HasPrefix(kind, "{"):
		os.Exit(runner.ExitCode(runIsolated(kind)))
	case kind != "":
		os.Exit(runner.ExitCode(program(kind)))
	}
	os.Exit(m.Run())
}

func program(kind string) error {
	if kind == "nohup" {
		signal.Ignore(syscall.SIGHUP)
	}
	ctx, force, stop := runner.Signals(context.Background())
	defer stop()
	if kind == "unread" {
		defer fmt.Println("nor this")
	} else { // by stop as well, when SIGPIPE has its usual effect again
		context.AfterFunc(ctx, func() { fmt.Println("stopping") })
	}
	var source any = finiteQueue(1)
	if kind == "broken" {
		source = memory.WithFaults(finiteQueue(1), memory.Fail(memory.OnFetch, nil).Always())
	}
	cfg := configure("triage", source, processor(func(ctx context.Context, _ ergon.Transaction) (any, error) {
		switch kind {
		case "done":
			return kind, nil
		case "unread":
			_, err := fmt.Println("nobody reads this")
			if !errors.Is(err, syscall.EPIPE) {
				return nil, fmt.Errorf("it was written, or %w", err)
			}
			return nil, nil
		}
		fmt.Println("processing")
		if kind == "nohup" {
			fmt.Println("and again") // for the second signal
		}
		if kind == "heed" || kind == "nohup" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		select {}
	}))
	if kind == "hang" {
		cfg.Services["stuck"] = given(&part{journal: new(journal), onClose: func(context.Context) error {
			fmt.Println("closing")
			select {}
		}})
	}
	cfg.Shutdown.Grace, cfg.Shutdown.Force = 0, time.Hour
	_, err := runner.RunTask(ctx, cfg, runner.Settings{Logger: quiet(), Force: force})
	return err
}

// longestProgram is how long a program may take from its start to its end; on an idle machine it takes a tenth of a second.
const longestProgram = 20 * time.Second

// wantClosed waits for something that real signals bring about, for a bounded time.
func wantClosed(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(longestProgram):
		t.Fatalf("there is still no %s after %s", what, longestProgram)
	}
}

// child runs the test binary as a program, sends a signal for each line that it prints and returns its exit code; -1 where
// a signal killed it. One that has not ended within its time has failed, and is killed.
func child(t *testing.T, kind string, signals ...syscall.Signal) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longestProgram)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"="+kind)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, s := range signals {
		if !lines.Scan() {
			t.Errorf("the program ended before it was sent %s", s)
			break
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Error(err)
		}
	}
	for lines.Scan() {
	}
	defer func() {
		if ctx.Err() != nil {
			t.Errorf("the program goes on for more than %s after all its signals", longestProgram)
		}
	}()
	if err := cmd.Wait(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode()
}

// [E3] [E4] [F5] The whole process, with real signals. nohup starts a program with SIGHUP ignored.
func TestProgramEndsWithTheExitCodeOfItsSignal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    string
		signals []syscall.Signal
		want    int
	}{
		"done":                           {"done", nil, 0},
		"failed":                         {"broken", nil, 1},
		"SIGTERM":                        {"heed", []syscall.Signal{syscall.SIGTERM}, 143},
		"SIGHUP":                         {"heed", []syscall.Signal{syscall.SIGHUP}, 129},
		"SIGHUP where nohup ignores it":  {"nohup", []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, 143},
		"SIGINT":                         {"heed", []syscall.Signal{syscall.SIGINT}, 130},
		"second signal forces":           {"ignore", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, 143},
		"second signal, the other first": {"ignore", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, 130},
		"third signal kills":             {"hang", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGTERM}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := child(t, c.kind, c.signals...); got != c.want {
				t.Errorf("got exit code %d, want %d", got, c.want)
			}
		})
	}
}

// [F5] Standard output is a pipe whose reader has gone, which ends a Go program as a rule.
func TestOutputThatNobodyReadsEndsNothing(t *testing.T) {
	end, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	end.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"=unread")
	cmd.Stdout, cmd.Stderr = held, t.Output()
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}

func signalSelf(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// [E3]
func TestFirstSignalEndsTheContextAndTheSecondForces(t *testing.T) {
	ctx, force, stop := runner.Signals(t.Context())
	defer stop()
	signalSelf(t, syscall.SIGTERM)
	wantClosed(t, "end of the context", ctx.Done())
	cause, ok := errors.AsType[*runner.SignalError](context.Cause(ctx))
	if !ok || cause.Signal != syscall.SIGTERM || cause.Error() != "stopped by SIGTERM" {
		t.Errorf("got cause %v, want SIGTERM", context.Cause(ctx))
	}
	select {
	case <-force:
		t.Error("got force after the first signal")
	default:
	}
	signalSelf(t, syscall.SIGINT)
	wantClosed(t, "force", force)
}

func TestStopGivesTheSignalsBackAndEndsTheContext(t *testing.T) {
	ctx, force, stop := runner.Signals(t.Context())
	stop()
	stop()
	wantClosed(t, "end of the context", ctx.Done())
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		t.Errorf("got cause %v, want %v", cause, context.Canceled)
	}
	select {
	case <-force:
		t.Error("got force")
	default:
	}
}

func TestSignalsEndWithTheirParent(t *testing.T) {
	parent, cancel := context.WithCancelCause(t.Context())
	ctx, _, stop := runner.Signals(parent)
	defer stop()
	cancel(errStop)
	wantClosed(t, "end of the context", ctx.Done())
	if cause := context.Cause(ctx); !errors.Is(cause, errStop) {
		t.Errorf("got cause %v, want %v", cause, errStop)
	}
}

// [F5] A closed terminal sends SIGHUP, from its shell and from the kernel.
func TestSecondHangupDoesNotForce(t *testing.T) {
	signals, stopped := make(chan os.Signal), make(chan struct{})
	var cause error
	forced, done := false, make(chan struct{})
	go func() {
		defer close(done)
		runner.WatchSignals(signals, stopped, func(err error) { cause = err }, func() { forced = true })
	}()
	for range 3 {
		signals <- syscall.SIGHUP // the third is taken by who was not ended by the second
	}
	close(stopped)
	wantClosed(t, "end of the watching", done)
	if hangup, ok := errors.AsType[*runner.SignalError](cause); !ok || hangup.ExitCode() != 129 || forced {
		t.Errorf("got cause %v, forced %t; want SIGHUP, which does not force", cause, forced)
	}
	done = make(chan struct{})
	go func() {
		defer close(done)
		runner.WatchSignals(signals, nil, func(error) {}, func() { forced = true })
	}()
	signals <- syscall.SIGHUP
	signals <- syscall.SIGTERM
	wantClosed(t, "end of the watching", done)
	if !forced {
		t.Error("another signal after SIGHUP did not force")
	}
}
