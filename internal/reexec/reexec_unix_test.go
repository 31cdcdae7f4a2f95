//go:build unix

package reexec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ergon-go/ergon/internal/reexec"
)

// message is what parent and child say to each other here.
type message struct {
	Text string
	PID  int
}

func TestMain(m *testing.M) {
	role := reexec.Role()
	if role == "" {
		os.Exit(m.Run())
	}
	parent, err := reexec.Take()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(play(role, parent))
}

// fifo is the variable that names a pipe for the child to hold open, and what it starts.
const fifo = "REEXEC_TEST_FIFO"

// play is the child's part; it returns the exit code.
func play(role string, parent *reexec.Parent) int {
	switch role {
	case "echo":
		for m := (message{}); parent.Receive(&m) == nil; {
			_ = parent.Send(m)
		}
		return 7
	case "talk":
		fmt.Print("one\ntw", "o\nthree")
		fmt.Fprint(os.Stderr, "four\n")
		_ = parent.Send(message{Text: reexec.Role() + parent.Role})
	case "long":
		fmt.Print(strings.Repeat("x", 1<<20+5), "\nshort\n")
	case "family":
		held, err := os.OpenFile(os.Getenv(fifo), os.O_WRONLY, 0)
		sleeper := exec.CommandContext(context.Background(), "sleep", "3600")
		sleeper.Stdout = held
		if err := errors.Join(err, sleeper.Start()); err != nil {
			return 1
		}
		_ = parent.Send(message{Text: "started"})
		_ = parent.Receive(new(message)) // the end of its parent, which never comes
	case "group":
		_ = parent.Send(message{PID: syscall.Getpgrp()})
	}
	return 0
}

// written collects what a child writes.
type written struct {
	mu    sync.Mutex
	lines []string
}

func (w *written) line(text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, string(text))
}

func start(t *testing.T, role string, stdout, stderr *written) *reexec.Child {
	t.Helper()
	if stderr == nil {
		stderr = new(written)
	}
	c, err := reexec.Start(reexec.Settings{Role: role, Stdout: stdout.line, Stderr: stderr.line})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		<-c.Done()
		c.Close()
	})
	return c
}

func receive(t *testing.T, c *reexec.Child) message {
	t.Helper()
	var m message
	if err := c.Receive(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessagesGoBothWays(t *testing.T) {
	c := start(t, "echo", new(written), nil)
	for _, text := range []string{"a", "", strings.Repeat("long\n", 100_000)} {
		var sent sync.WaitGroup
		sent.Go(func() {
			if err := c.Send(message{Text: text}); err != nil {
				t.Error(err)
			}
		})
		if got := receive(t, c); got.Text != text {
			t.Errorf("got %d bytes, want %d", len(got.Text), len(text))
		}
		sent.Wait()
	}
}

// [E2] A child whose parent is gone finds its pipe closed; so does the parent of a child that is gone.
func TestEndOfOneSideIsTheEndOfThePipeForTheOther(t *testing.T) {
	c := start(t, "echo", new(written), nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*exec.ExitError](c.Wait())
	if !ok || exit.ExitCode() != 7 {
		t.Errorf("got %v, want the child to end by itself, with 7", c.Wait())
	}
	gone := start(t, "group", new(written), nil)
	receive(t, gone)
	if err := gone.Receive(new(message)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	if err := gone.Wait(); err != nil {
		t.Error(err)
	}
	if err := gone.Send(message{}); err == nil {
		t.Error("a message to a child that is gone was sent")
	}
}

func TestLinesOfAChildComeOutWhole(t *testing.T) {
	stdout, stderr := new(written), new(written)
	c := start(t, "talk", stdout, stderr)
	if got := receive(t, c); got.Text != "talk" {
		t.Errorf("got role %q, want it to be there once: taken, it is gone from the environment", got.Text)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(stdout.lines, "|"); got != "one\n|two\n|three\n" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(stderr.lines, "|"); got != "four\n" {
		t.Errorf("got %q", got)
	}
	long := new(written)
	if err := start(t, "long", long, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if len(long.lines) != 3 || len(long.lines[0]) != 1<<20+1 || long.lines[1] != "xxxxx\n" || long.lines[2] != "short\n" {
		t.Errorf("got %d lines, want one of 1 MiB, the rest of it, and the short one", len(long.lines))
	}
}

// [E2] A terminal's Ctrl-C goes to the parent's group, which the child is not in.
func TestChildLeadsAGroupOfItsOwn(t *testing.T) {
	c := start(t, "group", new(written), nil)
	if got := receive(t, c); got.PID != c.PID() || got.PID == syscall.Getpgrp() {
		t.Errorf("got group %d, want that of the child, %d", got.PID, c.PID())
	}
}

// [E2] The child and what it has started hold a pipe: when that reads as closed, all of them are gone.
func TestKillingAChildKillsWhatItHasStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(fifo, path)
	c := start(t, "family", new(written), nil)
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	receive(t, c)
	c.Kill()
	exit, ok := errors.AsType[*exec.ExitError](c.Wait())
	if !ok || exit.ExitCode() != -1 {
		t.Errorf("got %v, want it killed", c.Wait())
	}
	if _, err := io.Copy(io.Discard, held); err != nil {
		t.Error(err)
	}
}

func TestRoleThatNobodyGaveIsRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "ERGON_WORKER_PROCESS=isolated/isolated-1")
	text, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 2 || !strings.Contains(string(text), "this process was not started as a worker process") ||
		!strings.Contains(string(text), "unset the variable") {
		t.Errorf("got %v: %s", err, text)
	}
}
