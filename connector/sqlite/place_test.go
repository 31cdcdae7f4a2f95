package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// skipWhereOpenFilesStay skips where the system refuses to delete and to rename what is open.
func skipWhereOpenFilesStay(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("an open file can be neither deleted nor replaced")
	}
}

// operations are those that report success for something durable, and fetching.
func operations(ctx context.Context, q *sqlite.Queue, dead *sqlite.DeadLetters, delivered ergon.Transaction) map[string]func() error {
	return map[string]func() error{
		"dispatch": func() error { return q.DispatchTransactions(ctx, transactions("new")) },
		"settle": func() error {
			return q.SettleTransactions(ctx, settlements(capability.Settlement{Action: policy.SettleAck}, delivered))
		},
		"extend": func() error { return q.ExtendLeases(ctx, []ergon.Transaction{delivered}) },
		"hop":    func() error { return q.HopTransactions(ctx, []capability.Hop{hop(delivered, output(q, "out"))}) },
		"letter": func() error {
			letter := ergon.NewTransaction("letter", deadletter.Record{ID: "letter", Task: "task"})
			return dead.DispatchTransactions(ctx, []ergon.Transaction{letter})
		},
		"fetch": func() error { _, err := q.FetchTransactions(ctx, 1); return err },
	}
}

func replace(path string) error {
	return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, []byte("another"), 0o600))
}

// [S2] What goes into a file that nobody will find again is not reported as done.
func TestNothingIsDoneInAFileThatWasDeletedOrReplaced(t *testing.T) {
	skipWhereOpenFilesStay(t)
	deleted, replaced := "was deleted or moved away while it was open", "was replaced by another file while it was open"
	for name, c := range map[string]struct {
		part   string
		change func(path string) error
		want   string
	}{
		"file deleted":           {"", os.Remove, deleted},
		"file moved away":        {"", func(path string) error { return os.Rename(path, path+".old") }, deleted},
		"file replaced":          {"", replace, replaced},
		"directory moved away":   {"", func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") }, deleted},
		"log deleted":            {"-wal", os.Remove, deleted},
		"log replaced":           {"-wal", replace, replaced},
		"shared memory deleted":  {"-shm", os.Remove, deleted},
		"shared memory replaced": {"-shm", replace, replaced},
	} {
		for operation := range operations(t.Context(), nil, nil, ergon.Transaction{}) {
			t.Run(name+", "+operation, func(t *testing.T) {
				b := newBench(t)
				b.path = filepath.Join(t.TempDir(), "queues", "queue.db")
				queue, dead := b.queue(t), b.deadLetters(t)
				dispatch(t, queue, transactions("a", "b")...)
				do := operations(t.Context(), queue, dead, fetch(t, queue, 1)[0])[operation]
				if err := c.change(b.path + c.part); err != nil {
					t.Fatal(err)
				}
				if c.part != "" {
					sqlite.LookAgain(queue)
				}
				for range 2 {
					err := do()
					wantError(t, err, b.path+c.part+" "+c.want, "stop all programs that use it, put it back together with its -wal file")
					if _, ok := errors.AsType[*ergon.BatchError](err); ok || ergon.CategoryOf(err) != ergon.CategorySystem {
						t.Errorf("got %v, want all of it to have failed, to be tried again", err)
					}
				}
			})
		}
	}
}

// A file that is put back continues where it was.
func TestFileThatIsPutBackIsUsedAgain(t *testing.T) {
	skipWhereOpenFilesStay(t)
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("before")...)
	if err := os.Rename(b.path, b.path+".old"); err != nil {
		t.Fatal(err)
	}
	wantError(t, queue.DispatchTransactions(t.Context(), transactions("meanwhile")), "was deleted or moved away")
	if err := os.Rename(b.path+".old", b.path); err != nil {
		t.Fatal(err)
	}
	dispatch(t, queue, transactions("meanwhile", "after")...)
	wantFetched(t, queue, "before", "meanwhile", "after")
	wantIntact(t, b.path)
}

// [S2] SQLite deletes a log by its name when it is closed, but not where the file itself was moved: the log may then be that of
// the file which took the place.
func TestClosingADeletedFileLeavesItsSuccessorAlone(t *testing.T) {
	skipWhereOpenFilesStay(t)
	b := newBench(t)
	before := b.queue(t)
	dispatch(t, before, transactions("a")...)
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(b.path + part); err != nil {
			t.Fatal(err)
		}
	}
	after := b.queue(t)
	dispatch(t, after, transactions("b")...)
	log, err := os.Stat(b.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(b.path + "-wal"); err != nil || !os.SameFile(log, now) {
		t.Fatalf("the log of the file that took the place is gone: %v", err)
	}
	dispatch(t, after, transactions("c")...)
	wantFetched(t, b.queue(t), "b", "c")
	wantIntact(t, b.path)
}

// What is damaged while it is used is reported as that, and nothing is acknowledged.
func TestFileThatIsDamagedInUseIsReported(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	for range 20 {
		dispatch(t, queue, ergon.NewTransaction("", make([]byte, 100_000)))
	}
	dispatch(t, queue, numbered(5000)...)
	if err := sqlite.Exec(queue, "PRAGMA cache_size = 1"); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Exec(queue, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	overwrite(t, b.path)
	for range 2 {
		batch, err := queue.FetchTransactions(t.Context(), 1000)
		if len(batch) > 0 {
			t.Errorf("got %d transactions of a damaged file", len(batch))
		}
		wantError(t, err, "sqlite queue jobs: "+b.path+": ", "the file is damaged; put a copy in its place")
	}
}

// overwrite damages all but the first page. Its handle is kept until the test ends.
func overwrite(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, info.Size()-4096)
	for i := range junk {
		junk[i] = 0x5a
	}
	if _, err := f.WriteAt(junk, 4096); err != nil {
		t.Fatal(err)
	}
}

// [S2] A queue that is only read, because it is empty, notices it as well.
func TestWaitingAtADeletedFileFails(t *testing.T) {
	skipWhereOpenFilesStay(t)
	b := newBench(t)
	queue := b.queue(t)
	wantFetched(t, queue) // from now on it only reads
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	sqlite.LookAgain(queue)
	commits := sqlite.Commits(queue)
	for range 2 {
		_, err := queue.FetchTransactions(t.Context(), 1)
		wantError(t, err, "sqlite queue jobs", b.path+" was deleted or moved away while it was open")
	}
	if got := sqlite.Commits(queue); got != commits {
		t.Errorf("%d commits into a file that is gone, want none", got-commits)
	}
}
