package sqlite_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ergon-go/ergon/connector/sqlite"
)

func TestProbeMakesNoFileAndFindsOneThatIsNoDatabase(t *testing.T) {
	c := sqlite.DefaultQueueConfig()
	c.Path = filepath.Join(t.TempDir(), "queue.db")
	queue, err := sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
	if err != nil {
		t.Fatal(err)
	}
	if got := queue.StoragePaths(); !slices.Equal(got, []string{c.Path}) {
		t.Errorf("it writes %v, want %s", got, c.Path)
	}
	if err := queue.Probe(t.Context()); err != nil {
		t.Errorf("got %v for a file that is not there yet", err)
	}
	if _, err := os.Stat(c.Path); !os.IsNotExist(err) {
		t.Errorf("the file is there now: %v", err)
	}
	if err := os.WriteFile(c.Path, []byte("these are notes, no database at all, and quite long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := queue.Probe(t.Context()); err == nil {
		t.Error("no error for a file that is no database")
	}
}

// Looking is no reason to bring a file up to date, with which the programs that use it could not continue.
func TestLookingAtAnOlderFileLeavesItAsItIs(t *testing.T) {
	b := newBench(t)
	older(t, b.path)
	before, queue := schemaOf(t, b.path), b.newQueue(t)
	if err := queue.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := schemaOf(t, b.path); after != before {
		t.Errorf("it was changed to\n%s", after)
	}
}
