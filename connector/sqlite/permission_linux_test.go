package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/ergon-go/ergon"
)

// asNobody has the rest of the test look at files as a user without rights, also where it runs as root. Its thread ends with
// the test.
func asNobody(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Setfsuid(0) })
}

func TestFileThatMayNotBeWrittenIsRefusedWithACure(t *testing.T) {
	b := newBench(t)
	if err := b.queue(t).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{b.path, 0o444}, {filepath.Dir(b.path), 0o555}, {filepath.Dir(filepath.Dir(b.path)), 0o755}} {
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(b.path), 0o755) })
	asNobody(t)
	wantError(t, b.newQueue(t).Open(t.Context()), "sqlite queue jobs: "+b.path+": open: it cannot be ",
		"let the user that runs this", "the file and its directory")
	b.path += "2"
	wantError(t, b.newQueue(t).Open(t.Context()),
		"open: cannot be created: permission denied; let the user that runs this write its directory")
}

// [S4] As TestQueueGoesOnWhenThereIsRoomAgain, on a disk that really is full.
func TestQueueOnAFullDiskGoesOnWhenThereIsRoomAgain(t *testing.T) {
	b := newBench(t)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small disk to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, 0) })
	b.path = filepath.Join(disk, "queue.db")
	queue := b.queue(t)
	dispatch(t, queue, transactions("before")...)
	ballast := filepath.Join(disk, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 8<<20), 0o600) // as much as fits
	for range 3 {
		err := queue.DispatchTransactions(t.Context(), []ergon.Transaction{ergon.NewTransaction("large", make([]byte, 500_000))})
		wantError(t, err, b.path+": dispatch: the disk is full; free some space, then the work continues")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	dispatch(t, queue, ergon.NewTransaction("large", make([]byte, 500_000)))
	ack(t, queue, wantFetched(t, queue, "before", "large")...)
	if err := queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, b.path)
}
