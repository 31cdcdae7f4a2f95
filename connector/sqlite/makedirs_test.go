package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ergon-go/ergon/connector/sqlite"
)

func TestDirectoriesAreMadeWhereThatIsAskedFor(t *testing.T) {
	b := newBench(t)
	folder := filepath.Dir(b.path)
	b.path = filepath.Join(folder, "deeper", "still", "queue.db")
	dispatch(t, b.queue(t, func(s *sqlite.QueueSettings) { s.MakeDirs = true }), transaction("a"))
	wantFetched(t, b.queue(t), "a")

	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.path = filepath.Join(folder, "file", "queue.db")
	err := b.newQueue(t, func(s *sqlite.QueueSettings) { s.MakeDirs = true }).Open(t.Context())
	wantError(t, err, "open: directory "+filepath.Join(folder, "file")+" cannot be created: ", "; correct dir or path")
}
