//go:build unix

package app_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
)

// childVariable is set where the test binary is to be the program.
const childVariable = "RECKON_IS_A_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		reg := registry()
		config.Connector(reg, "endless", "never has anything, and never ends", struct{}{},
			func(struct{}) (endless, error) { return endless{&sync.Once{}}, nil })
		reg.Task("waiting", newWaiting, "waits for what never comes")
		reg.Task("deaf", newIgnoringTask, "does not hear its context")
		reg.Task("grumbling", newLoggingTask, "fails with many words")
		config.Connector(reg, "stream", "always has one more", struct{}{}, func(struct{}) (stream, error) { return stream{}, nil })
		reg.Task("orphaning", newOrphaning, "leaves behind what it starts")
		app.Run(app.Settings{Registry: reg, Name: "reckon"})
	}
	os.Exit(m.Run())
}

const ready = "ready to be stopped"

type endless struct{ once *sync.Once }

func (e endless) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) {
	e.once.Do(func() { fmt.Fprintln(os.Stderr, ready) })
	return nil, nil
}

func newWaiting(*ergon.Dependencies) ergon.Task {
	return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
}

func newIgnoringTask(*ergon.Dependencies) ergon.Task {
	return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
		fmt.Fprintln(os.Stderr, ready)
		select {}
	}}
}

type stream struct{}

func (stream) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) {
	return []ergon.Transaction{ergon.NewTransaction("", "x")}, nil
}

// newGrumbling makes a task that has filled every pipe with what is logged of it when it says so on standard output.
func newLoggingTask(*ergon.Dependencies) ergon.Task {
	var failed atomic.Int64
	return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
		if failed.Add(1) == 2000 {
			fmt.Println(ready)
		}
		return nil, ergon.Business(errors.New(strings.Repeat("no ", 1000)))
	}}
}

// newOrphaning has a handler that leaves something behind that has no parent but process 1, and fails where that is not reaped
// or a program that ended well does not look so.
func newOrphaning(*ergon.Dependencies) ergon.Task {
	return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		if os.Getpid() == 1 || syscall.Getpgrp() != os.Getpid() {
			return nil, fmt.Errorf("process %d of group %d, want a leader that is not process 1", os.Getpid(), syscall.Getpgrp())
		}
		for range 50 {
			out, err := exec.CommandContext(ctx, "sh", "-c", "true >&2 & echo $!").Output()
			if err != nil {
				return nil, fmt.Errorf("a program that ended well: %w", err)
			}
			orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				return nil, err
			}
			for until := time.Now().Add(5 * time.Second); !errors.Is(syscall.Kill(orphan, 0), syscall.ESRCH); {
				if time.Now().After(until) {
					return nil, fmt.Errorf("process %d has ended and is not reaped", orphan)
				}
			}
		}
		return nil, nil
	}}
}

// stopped runs the program until it says that it is ready and sends it signals, the next when it has said that it heard
// the one before. It must end long before the test gives up.
func stopped(t *testing.T, args string, signals ...syscall.Signal) (stdout, stderr string, code int) {
	t.Helper()
	return stoppedAs(t, func(*exec.Cmd) {}, args, signals...)
}

// stoppedAs is stopped, with a program that as has changed.
func stoppedAs(t *testing.T, as func(*exec.Cmd), args string, signals ...syscall.Signal) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(ctx, self, strings.Fields(args)...)
	child.Env = append(os.Environ(), childVariable+"=1")
	var out, all bytes.Buffer
	child.Stdout = &out
	as(child)
	pipe, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(io.TeeReader(pipe, &all))
	next := ready
	for lines.Scan() {
		if len(signals) > 0 && strings.Contains(lines.Text(), next) {
			if err := child.Process.Signal(signals[0]); err != nil {
				t.Error(err)
			}
			signals, next = signals[1:], "stopping"
		}
	}
	err = child.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("ended with %v\n%s", err, &all)
	}
	return out.String(), all.String(), child.ProcessState.ExitCode()
}

// [E4] [E3] The summary is printed all the same.
func TestSignalsStopARunInOrderAndDecideTheExitCode(t *testing.T) {
	in(t, "tasks: {waiting: {connectors: {input: {type: endless}}, consumer: {loop: {streaming: true, on_exception: discard}}}}")
	for signal, want := range map[syscall.Signal]struct {
		code    int
		message string
	}{
		syscall.SIGTERM: {143, "reckon: stopped by SIGTERM\n"},
		syscall.SIGINT:  {130, "reckon: stopped by SIGINT\n"},
	} {
		stdout, stderr, code := stopped(t, "run", signal)
		if code != want.code || !strings.HasSuffix(stderr, want.message) || !strings.HasPrefix(stdout, "waiting: ended early, after ") {
			t.Errorf("%s: code %d, want %d; stdout %s; stderr %s", signal, code, want.code, stdout, stderr)
		}
	}
}

// [E3] The grace is 25 s, which the test would not wait for.
func TestSecondSignalDoesNotWaitForHandlersThatHang(t *testing.T) {
	in(t, "tasks: {deaf: {connectors: {input: {type: numbers, count: 2}}, consumer: {loop: {on_exception: discard}}}}")
	stdout, stderr, code := stopped(t, "run", syscall.SIGINT, syscall.SIGINT)
	if code != 130 || !strings.Contains(stdout, "interrupted") {
		t.Errorf("code %d, want 130; stdout %s; stderr %s", code, stdout, stderr)
	}
}

// [E4] One transaction that was stopped has not failed: the signal decides.
func TestSingleTransactionThatIsStoppedEndsWithTheSignalsCode(t *testing.T) {
	in(t, "tasks: {deaf: {connectors: {input: {type: numbers}}, consumer: {loop: {on_exception: discard}},"+
		" shutdown: {grace: 0s, force: 0s}}}")
	stdout, stderr, code := stopped(t, "process-transaction deaf --payload-json {} --log-level error", syscall.SIGTERM)
	if code != 143 || stdout != "" || !strings.Contains(stderr, "stopped by SIGTERM") {
		t.Errorf("code %d, want 143; stdout %s; stderr %s", code, stdout, stderr)
	}
}

// [F4] [E3] A log that nobody reads keeps no work from being done and no program from ending. It has 45 s to, and needs a few.
func TestUnreadLogKeepsNobodyFromEnding(t *testing.T) {
	in(t, "tasks: {grumbling: {connectors: {input: {type: stream}}, consumer: {loop: {streaming: true, on_exception: discard}}}}")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unread, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unread.Close() }()
	child := exec.CommandContext(ctx, self, "run")
	child.Env = append(os.Environ(), childVariable+"=1")
	child.Stderr = stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_ = stderr.Close()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != ready {
		t.Errorf("got %q, want that it gets on with its work", lines.Text())
	}
	if err := child.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	for lines.Scan() { // the summary
	}
	err = child.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 143 {
		t.Errorf("ended with %v, want 143", err)
	}
}

// unread is a pipe whose reader has gone.
func unread(t *testing.T) *os.File {
	t.Helper()
	end, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	end.Close()
	return held
}

// [F5] [E4] What is written to who has gone ends a Go program by SIGPIPE, as a rule.
func TestOutputThatNobodyReadsFailsNoRunAndIsNoMessage(t *testing.T) {
	in(t, "tasks: {waiting: {connectors: {input: {type: numbers, count: 3}}, consumer: {loop: {on_exception: discard}}}}")
	for name, c := range map[string]struct {
		args       string
		out, err   bool // are read
		code       int
		wantStdout string
	}{
		"log":     {"run --log-level debug", true, false, 0, "waiting: done in"},
		"summary": {"run --log-level error", false, true, 0, ""},
		"fault":   {"run nothing", true, false, 2, ""},
		"list":    {"list", false, true, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0], strings.Fields(c.args)...)
			child.Env = append(os.Environ(), childVariable+"=1")
			var stdout, stderr bytes.Buffer
			child.Stdout, child.Stderr = unread(t), unread(t)
			if c.out {
				child.Stdout = &stdout
			}
			if c.err {
				child.Stderr = &stderr
			}
			if err := child.Run(); child.ProcessState == nil || child.ProcessState.ExitCode() != c.code {
				t.Errorf("ended with %v, want code %d", err, c.code)
			}
			if !strings.HasPrefix(stdout.String(), c.wantStdout) || stderr.Len() > 0 {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
		})
	}
}
