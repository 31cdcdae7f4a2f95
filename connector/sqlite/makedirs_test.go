package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ergon-go/ergon/connector/sqlite"
)

func TestDirectoriesAreMadeUnlessThatIsSwitchedOff(t *testing.T) {
	b := newBench(t)
	folder := filepath.Dir(b.path)
	b.path = filepath.Join(folder, "deeper", "still", "queue.db")
	off := b.newQueue(t, func(s *sqlite.QueueSettings) { s.MakeDirs = false })
	on := b.newQueue(t)
	for _, err := range []error{off.Probe(t.Context()), off.Open(t.Context())} {
		wantError(t, err, "open: directory "+filepath.Dir(b.path)+": no such file or directory: create it, or correct dir or path")
	}
	if err := on.Probe(t.Context()); err != nil {
		t.Errorf("got %v for directories that are made", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "deeper")); !os.IsNotExist(err) {
		t.Errorf("the probe has made them: %v", err)
	}
	dispatch(t, b.queue(t), transaction("a"))
	wantFetched(t, b.queue(t), "a")

	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.path = filepath.Join(folder, "file", "queue.db")
	inFile := b.newQueue(t)
	for _, err := range []error{inFile.Probe(t.Context()), inFile.Open(t.Context())} {
		wantError(t, err, "open: directory "+filepath.Join(folder, "file")+" cannot be created: ", "; correct dir or path")
	}
}
