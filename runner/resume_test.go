package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/runner"
)

// copying is a task that copies 10 records from one file to another, with a checkpoint.
type copying struct {
	dir    string
	config ergon.TaskConfig
	// before, where set, is called before each record is copied.
	before func(ctx context.Context)
}

func newCopying(t *testing.T) *copying {
	t.Helper()
	c := &copying{dir: t.TempDir()}
	var lines strings.Builder
	for i := range 10 {
		fmt.Fprintf(&lines, "{\"n\":%d}\n", i)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "in.jsonl"), []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.config = configure("copy", nil, func(d *ergon.Dependencies) ergon.Task {
		out := ergon.UseConnector[ergon.Dispatcher](d, "out")
		return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if c.before != nil {
				c.before(ctx)
			}
			return nil, out.DispatchTransactions(ctx, []ergon.Transaction{tx})
		}}
	})
	c.config.Connectors["input"] = ergon.Component{Type: "file", New: func() (any, error) {
		s := file.DefaultSourceConfig()
		s.Dir, s.Path, s.Checkpoint = c.dir, "in.jsonl", "in.checkpoint"
		return file.NewSource(file.SourceSettings{SourceConfig: s})
	}}
	c.config.Connectors["out"] = ergon.Component{Type: "file", New: func() (any, error) {
		s := file.DefaultSinkConfig()
		s.Dir, s.Path, s.Mode = c.dir, "out.jsonl", file.ModeReplace
		return file.NewSink(file.SinkSettings{SinkConfig: s, Logger: quiet()})
	}}
	c.config.Consumer.Loop.Concurrency.Value = 1
	return c
}

func (c *copying) run(ctx context.Context, t *testing.T, limit int64) error {
	t.Helper()
	cfg := c.config
	cfg.Consumer.Loop.Limit = limit
	_, err := manage(t, runner.Settings{}, cfg).Run(ctx)
	return err
}

// wantUnfinished wants no result yet.
func (c *copying) wantUnfinished(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(c.dir, "out.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of the result, want that there is none yet", err)
	}
}

// wantFinished wants every record in the result, once, and nothing left behind.
func (c *copying) wantFinished(t *testing.T) {
	t.Helper()
	in, inErr := os.ReadFile(filepath.Join(c.dir, "in.jsonl"))
	out, outErr := os.ReadFile(filepath.Join(c.dir, "out.jsonl"))
	if err := errors.Join(inErr, outErr); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, out) {
		t.Errorf("got %q, want %q", out, in)
	}
	for _, left := range []string{"in.checkpoint", "out.jsonl.partial"} {
		if _, err := os.Stat(filepath.Join(c.dir, left)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v of %s, want it gone", err, left)
		}
	}
}

// A limit is no natural end: were the result put in place, the next run, which continues where this one ended, would
// replace it.
func TestRunThatALimitEndedIsContinuedByTheNext(t *testing.T) {
	c := newCopying(t)
	for range 2 {
		if err := c.run(t.Context(), t, 3); err != nil {
			t.Fatal(err)
		}
		c.wantUnfinished(t)
	}
	if err := c.run(t.Context(), t, 0); err != nil {
		t.Fatal(err)
	}
	c.wantFinished(t)
}

func TestRunThatWasStoppedIsContinuedByTheNext(t *testing.T) {
	c := newCopying(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	copied := 0
	c.config.Shutdown.Grace = 0
	c.before = func(attempt context.Context) {
		copied++
		if copied == 5 {
			cancel(errStop)
			<-attempt.Done() // the shutdown has begun, and does not wait for this record
		}
	}
	if err := c.run(ctx, t, 0); !errors.Is(err, errStop) {
		t.Errorf("got error %v, want %v", err, errStop)
	}
	c.wantUnfinished(t)
	if err := c.run(t.Context(), t, 0); err != nil {
		t.Fatal(err)
	}
	c.wantFinished(t)
}

// What was finished is replaced by the next run, from the beginning.
func TestRunAfterANaturalEndBeginsAnew(t *testing.T) {
	c := newCopying(t)
	for range 2 {
		if err := c.run(t.Context(), t, 0); err != nil {
			t.Fatal(err)
		}
		c.wantFinished(t)
	}
}
