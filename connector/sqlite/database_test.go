package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/policy"
)

func TestPathsAreTakenLiterally(t *testing.T) {
	for _, name := range []string{
		"plain.db", "a?mode=memory", "a?vfs=nothing&_pragma=x", "file:b.db", "file:?mode=memory", "c#d%20e.db", "%00.db", "ü 'ö\".db",
		":memory:", "x&y=z;w", `back\slash`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.path = filepath.Join(filepath.Dir(b.path), name)
			queue := b.queue(t)
			dispatch(t, queue, transactions("a")...)
			if _, err := os.Stat(b.path + "-wal"); err != nil {
				t.Error(err)
			}
			entries, err := os.ReadDir(filepath.Dir(b.path))
			if err != nil || len(entries) != 3 {
				t.Errorf("got %v, %v, want the file, its log and its shared memory", entries, err)
			}
			if err := queue.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantFetched(t, b.queue(t), "a")
		})
	}
}

func TestFileIsItsOwnersOnly(t *testing.T) {
	b := newBench(t)
	dispatch(t, b.queue(t), transactions("a")...)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(b.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got&0o077 != 0 {
			t.Errorf("%s has mode %v", info.Name(), got)
		}
	}
}

func TestFileThatCannotBeUsedIsRefusedWithACure(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(path string) error
		want    string
	}{
		"directory": {
			func(path string) error { return os.Mkdir(path, 0o755) },
			"open: is a directory, must be a file; correct path",
		},
		"no database": {
			func(path string) error {
				return os.WriteFile(path, []byte(strings.Repeat("id,name\n1,a\n", 500)), 0o600)
			},
			"open: the file is not a SQLite database; correct path",
		},
		"damaged": {damage, "the file is damaged; put a copy in its place"},
		"another program's": {
			func(path string) error { return execute(path, "CREATE TABLE t (a)") },
			"open: is a database of another program; correct path",
		},
		"newer": {
			func(path string) error {
				return execute(path, "PRAGMA application_id = 0x4572676f", "PRAGMA user_version = 99")
			},
			"open: was made by a newer version of this program (it has schema 99, this one knows up to 4); use that one, or another file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if err := c.prepare(b.path); err != nil {
				t.Fatal(err)
			}
			queue := b.newQueue(t)
			err := queue.Open(t.Context())
			wantError(t, err, "sqlite queue jobs: "+b.path+": open: ", c.want)
			if err := queue.Close(t.Context()); err != nil {
				t.Errorf("close after a failed open: %v", err)
			}
		})
	}
}

// damage makes a file with a queue in it of which the middle is gone.
func damage(path string) error {
	s := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	s.Path = path
	queue, err := sqlite.NewQueue(s)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := errors.Join(queue.Open(ctx), queue.DispatchTransactions(ctx, numbered(1000)), queue.Close(ctx)); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 100; i < len(data); i++ { // the header stays
		data[i] = 0x5a
	}
	return os.WriteFile(path, data, 0o600)
}

// [C1] [C2] [S5]
func TestEachFaultOfAConfigurationHasItsPlaceAndItsCure(t *testing.T) {
	type config = sqlite.QueueConfig
	queue := func(change func(*config)) error {
		c := sqlite.DefaultQueueConfig()
		c.Path = "queue.db"
		change(&c)
		_, err := sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
		return err
	}
	if err := queue(func(*config) {}); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config){
		`path: is empty, must be the path of a file, such as "queue.db"`:              func(c *config) { c.Path = "" },
		`path: "../q" leads out of dir "."; set dir to a directory above it`:          func(c *config) { c.Path = "../q" },
		`path: "." is a directory, must be the path of a file`:                        func(c *config) { c.Path = "." },
		`path: "/q" is absolute, so dir "d" does not apply to it; remove one of them`: func(c *config) { c.Dir, c.Path = "d", "/q" },
		`path: has a NUL character`:                                                   func(c *config) { c.Path = "a\x00" },
		`durability: is "", must be full or normal`:                                   func(c *config) { c.Durability = "" },
		`busy_timeout: is 0s, must be more than 0, such as 5s`:                        func(c *config) { c.BusyTimeout = 0 },
		`queue: is "a b", must be a name of letters, digits, _, - and .`:              func(c *config) { c.Queue = "a b" },
		`queue: is "", must be a name`:                                                func(c *config) { c.Queue = "" },
		`queue: is "` + strings.Repeat("a", 65):                                       func(c *config) { c.Queue = strings.Repeat("a", 65) },
		`lease: is 0s, must be at least 2s, such as 30s`:                              func(c *config) { c.Lease = 0 },
		`lease: is 1.999999999s, must be at least 2s`:                                 func(c *config) { c.Lease = 2*time.Second - 1 },
		`lease: is -1m0s, must be at least 2s`:                                        func(c *config) { c.Lease = -time.Minute },
		`max_wait: is -1ns, must not be negative`:                                     func(c *config) { c.MaxWait = -1 },
		`max_deliveries: is -1, must not be negative (0 means no limit)`:              func(c *config) { c.MaxDeliveries = -1 },
		`dedup_window: is -1ns, must not be negative`:                                 func(c *config) { c.DedupWindow = -1 },
		`retain_settled: is -1ns, must not be negative`:                               func(c *config) { c.RetainSettled = -1 },
		`max_payload_bytes: is 0, must be from 1 to 1000000000`:                       func(c *config) { c.MaxPayloadBytes = 0 },
		`max_payload_bytes: is 1000000001, must be from 1`:                            func(c *config) { c.MaxPayloadBytes = 1_000_000_001 },
	} {
		err := queue(change)
		wantError(t, err, want)
		if _, ok := errors.AsType[*policy.Fault](err); !ok {
			t.Errorf("%v is no *policy.Fault", err)
		}
	}
	if err := queue(func(c *config) { c.Lease = 2 * time.Second }); err != nil {
		t.Errorf("the shortest lease is refused: %v", err)
	}
	if got := sqlite.DefaultQueueConfig().Lease; got != 30*time.Second {
		t.Errorf("the default lease is %s, want 30s", got)
	}
	_, err := sqlite.NewDeadLetters(sqlite.DeadLettersSettings{})
	wantError(t, err, "path: is empty", "durability: is", "busy_timeout: is 0s")
}

// [S4] A disk that is full is waited out: nothing is lost, and nothing is half done.
func TestQueueGoesOnWhenThereIsRoomAgain(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("before")...)
	if err := sqlite.Exec(queue, "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	large := make([]ergon.Transaction, 10)
	for i := range large {
		large[i] = ergon.NewTransaction(fmt.Sprint("large ", i), make([]byte, 100_000))
	}
	for range 3 {
		err := queue.DispatchTransactions(t.Context(), large)
		wantError(t, err, "sqlite queue jobs: "+b.path+": dispatch: the disk is full; free some space, then the work continues")
		var batch *ergon.BatchError
		if errors.As(err, &batch) || ergon.CategoryOf(err) != ergon.CategorySystem {
			t.Errorf("got %v, want all of it to have failed, to be tried again", err)
		}
	}
	ack(t, queue, wantFetched(t, queue, "before")...)
	if err := sqlite.Exec(queue, "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	dispatch(t, queue, large...)
	if got := len(fetch(t, queue, 100)); got != 10 {
		t.Errorf("got %d, want 10", got)
	}
	wantIntact(t, b.path)
}

// [S4] Processes that start at once open a file that none of them has made yet: each waits for who prepares it.
func TestWhoOpensANewFileWaitsForWhoPreparesIt(t *testing.T) {
	for range 30 {
		c := sqlite.DefaultDatabaseConfig()
		c.Path = filepath.Join(t.TempDir(), "queue.db")
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if err := sqlite.OpenAsAnotherProcess(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
