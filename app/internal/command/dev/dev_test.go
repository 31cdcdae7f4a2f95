package dev_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command/dev"
)

// workshop is where a developer works: a file that changes, a compiler and the programs that run.
type workshop struct {
	mu     sync.Mutex
	files  dev.Snapshot
	broken error
	builds int
	ended  chan string // of the program that runs
	events []string
}

func (w *workshop) happenedf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

// breaks has the compiler fail from now on, with nil no more.
func (w *workshop) breaks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

func (w *workshop) look() dev.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

func (w *workshop) build(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return "", w.broken
	}
	w.builds++
	return fmt.Sprintf("program %d", w.builds), nil
}

func (w *workshop) edit(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := dev.Snapshot{}
	maps.Copy(next, w.files)
	for _, name := range names {
		next[name] = dev.FileStateAt(time.Now())
	}
	w.files = next
}

func (w *workshop) developer() dev.Developer {
	return dev.NewDeveloper(
		w.look, w.build,
		func(program string) (<-chan string, func() string, error) {
			w.happenedf("start %s", program)
			ended := make(chan string, 1)
			w.mu.Lock()
			w.ended = ended
			w.mu.Unlock()
			return ended, func() string {
				w.happenedf("stop %s", program)
				return "exit status 143"
			}, nil
		},
		w.happenedf,
	)
}

// work has do edit while a developer runs, and returns what happened.
func work(t *testing.T, do func(*workshop)) []string {
	t.Helper()
	w := &workshop{files: dev.Snapshot{}}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		tired := errors.New("tired")
		done := make(chan error)
		go func() { done <- w.developer().Run(ctx) }()
		synctest.Wait()
		do(w)
		cancel(tired)
		if err := <-done; !errors.Is(err, tired) {
			t.Errorf("got %v, want why it was stopped", err)
		}
	})
	return w.events
}

// rest is long enough for a change to be acted on.
func rest() {
	<-time.After(700 * time.Millisecond)
	synctest.Wait()
}

func expectEvents(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

func TestProgramIsBuiltAndRunAgainOnceAChangeHasComeToRest(t *testing.T) {
	got := work(t, func(w *workshop) {
		rest()
		w.edit("a.go")
		<-time.After(350 * time.Millisecond)
		w.edit("a.go", "ergon.yaml")
		rest()
	})
	expectEvents(t, got, "start program 1", "a.go changed", "stop program 1", "start program 2", "stop program 2")
}

func TestProgramGoesOnWhileTheNextCannotBeBuilt(t *testing.T) {
	got := work(t, func(w *workshop) {
		w.breaks(errors.New("a.go:1:1: expected 'package'"))
		w.edit("a.go", "b.go", "c.go", "d.go", "e.go")
		rest()
		w.breaks(nil)
		w.edit("a.go")
		rest()
	})
	expectEvents(t, got, "start program 1", "a.go, b.go, c.go and 2 more files changed",
		"the build failed:\na.go:1:1: expected 'package'", "the old program continues",
		"a.go changed", "stop program 1", "start program 2", "stop program 2")
}

func TestProgramThatHasEndedRunsAgainAfterAChange(t *testing.T) {
	got := work(t, func(w *workshop) {
		w.ended <- "exit status 2"
		rest()
		w.edit("ergon.yaml")
		rest()
	})
	expectEvents(t, got, "start program 1", "the program ended (exit status 2); it restarts at the next change",
		"ergon.yaml changed", "start program 2", "stop program 2")
}

func TestFilesThatMatterAreWatched(t *testing.T) {
	t.Chdir(t.TempDir())
	elsewhere := filepath.Join(t.TempDir(), "conf.txt")
	for _, name := range []string{
		"main.go", "go.mod", "go.sum", "ergon.yaml", "inner/a.yml", elsewhere, // these matter
		"notes.txt", ".git/a.go", "vendor/a.go", "out/a.jsonl",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, name, "x")
	}
	before := dev.Look(".", elsewhere)
	if got := len(before); got != 6 {
		t.Errorf("%d files are watched, want 6: %v", got, before)
	}
	write(t, "main.go", "longer")
	if err := os.Remove("go.sum"); err != nil {
		t.Fatal(err)
	}
	if got := before.Differences(dev.Look(".", elsewhere)); !slices.Equal(got, []string{"go.sum", "main.go"}) {
		t.Errorf("got %v, want the file that is gone and the one that changed", got)
	}
}

func TestConsoleOfDevIsServedWhereNothingListens(t *testing.T) {
	first := dev.FreeAddress(t.Context())
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	second := dev.FreeAddress(t.Context())
	if host, _, err := net.SplitHostPort(second); err != nil || host != "127.0.0.1" || second == first {
		t.Errorf("got %q while %q is taken, want another address of this machine", second, first)
	}
}

func TestDevHandsItsFlagsOnToRun(t *testing.T) {
	root := &cobra.Command{Use: "reckon"}
	root.PersistentFlags().String("config", "", "")
	root.PersistentFlags().String("log-level", "", "")
	var got []string
	root.AddCommand(&cobra.Command{Use: "dev", Run: func(c *cobra.Command, _ []string) { got = dev.FlagsOf(c) }})
	root.SetArgs([]string{"dev", "--config", "other.yaml"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"run", "--config=other.yaml"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
