package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// faultyDisk is a file whose disk fails as it is told.
type faultyDisk struct {
	*os.File
	mu       sync.Mutex
	fail     error // of a write, half of which is done
	failSync error
	failCut  error
	syncs    int
	synced   chan struct{} // where set, a sync waits for it
}

func (d *faultyDisk) WriteAt(p []byte, at int64) (int, error) {
	d.mu.Lock()
	fail := d.fail
	d.mu.Unlock()
	if fail == nil {
		return d.File.WriteAt(p, at)
	}
	n, err := d.File.WriteAt(p[:len(p)/2], at)
	return n, errors.Join(err, fail)
}

func (d *faultyDisk) Sync() error {
	d.mu.Lock()
	d.syncs++
	fail := d.failSync
	d.mu.Unlock()
	if d.synced != nil {
		<-d.synced
	}
	return fail
}

func (d *faultyDisk) Truncate(size int64) error {
	if d.failCut != nil {
		return d.failCut
	}
	return d.File.Truncate(size)
}

func newFaultyDisk(t *testing.T) *faultyDisk {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &faultyDisk{File: f}
}

func (d *faultyDisk) writer(t *testing.T) *writer {
	t.Helper()
	w := startWriter(d, 0)
	t.Cleanup(func() {
		if err := w.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (d *faultyDisk) want(t *testing.T, want string) {
	t.Helper()
	if got, err := os.ReadFile(d.Name()); string(got) != want || err != nil {
		t.Errorf("the file holds %q, %v, want %q", got, err, want)
	}
}

func mustWrite(t *testing.T, w *writer, lines string) {
	t.Helper()
	if err := w.write(t.Context(), []byte(lines)); err != nil {
		t.Fatal(err)
	}
}

// noSpace is what a full disk really says.
func noSpace(t *testing.T) error {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	defer full.Close()
	_, err = full.WriteString("x")
	return err
}

func TestFullDiskLeavesNoTornLineAndHealsWhenSpaceReturns(t *testing.T) {
	disk := newFaultyDisk(t)
	w := disk.writer(t)
	mustWrite(t, w, "1\n")
	disk.fail = noSpace(t)
	for range 2 {
		err := w.write(t.Context(), []byte("a long line\n"))
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "device; free some space, then writing continues") {
			t.Fatalf("got %v", err)
		}
		disk.want(t, "1\n")
	}
	disk.fail = nil
	mustWrite(t, w, "2\n")
	disk.want(t, "1\n2\n")
}

func TestWriteThatIsNotSyncedIsTakenBack(t *testing.T) {
	disk := newFaultyDisk(t)
	w := disk.writer(t)
	mustWrite(t, w, "1\n")
	disk.failSync = syscall.EIO
	if err := w.write(t.Context(), []byte("2\n")); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "sync: ") {
		t.Fatalf("got %v", err)
	}
	disk.want(t, "1\n")
	disk.failSync = nil
	mustWrite(t, w, "3\n")
	disk.want(t, "1\n3\n")
}

func TestTornLineThatCannotBeCutOffIsCutOffBeforeTheNextWrite(t *testing.T) {
	disk := newFaultyDisk(t)
	w := disk.writer(t)
	mustWrite(t, w, "1\n")
	disk.fail, disk.failCut = syscall.EIO, syscall.EROFS
	if err := w.write(t.Context(), []byte("a long line\n")); !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.EROFS) {
		t.Fatalf("got %v", err)
	}
	disk.fail = nil
	if err := w.write(t.Context(), []byte("2\n")); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("got %v, want that the torn line cannot be cut off", err)
	}
	disk.want(t, "1\na long")
	disk.failCut = nil
	mustWrite(t, w, "2\n")
	disk.want(t, "1\n2\n")
}

func TestCallersWhoWaitShareOneSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newFaultyDisk(t)
		disk.synced = make(chan struct{})
		w := disk.writer(t)
		var wg sync.WaitGroup
		wg.Go(func() { mustWrite(t, w, "first\n") })
		synctest.Wait()
		for range 50 {
			wg.Go(func() { mustWrite(t, w, "other\n") })
		}
		synctest.Wait()
		close(disk.synced)
		wg.Wait()
		if disk.syncs != 2 {
			t.Errorf("%d syncs for a write and 50 that came meanwhile, want 2", disk.syncs)
		}
		disk.want(t, "first\n"+strings.Repeat("other\n", 50))
	})
}

func TestAllOfACommitFailTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newFaultyDisk(t)
		disk.synced = make(chan struct{}, 10)
		w := disk.writer(t)
		var wg sync.WaitGroup
		wg.Go(func() { mustWrite(t, w, "first\n") })
		synctest.Wait()
		disk.fail = syscall.EIO
		for range 5 {
			wg.Go(func() {
				if err := w.write(t.Context(), []byte("other\n")); !errors.Is(err, syscall.EIO) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		disk.synced <- struct{}{}
		wg.Wait()
		disk.want(t, "first\n")
	})
}

func TestCallerWhoseContextEndsDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newFaultyDisk(t)
		disk.synced = make(chan struct{})
		w := disk.writer(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			err := w.write(ctx, []byte("under way\n"))
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "whether it is there is not known") {
				t.Errorf("the one that is being written got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			err := w.write(ctx, []byte("taken back\n"))
			if err != context.DeadlineExceeded { //nolint:errorlint // exactly that: it is not written
				t.Errorf("the one that waits got %v", err)
			}
		})
		wg.Go(func() { mustWrite(t, w, "patient\n") })
		time.Sleep(2 * time.Second)
		if got := time.Since(start); got != 2*time.Second {
			t.Errorf("it took %s", got)
		}
		close(disk.synced)
		wg.Wait()
		disk.want(t, "under way\npatient\n")
	})
}

func TestCloseDoesNotWaitForTheDiskForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newFaultyDisk(t)
		disk.synced = make(chan struct{})
		w := disk.writer(t)
		var wg sync.WaitGroup
		wg.Go(func() { mustWrite(t, w, "1\n") })
		synctest.Wait()
		wg.Go(func() { mustWrite(t, w, "2\n") })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := w.write(t.Context(), []byte("3\n")); !errors.Is(err, errNotOpen) {
			t.Errorf("after close: %v", err)
		}
		close(disk.synced)
		wg.Wait()
		disk.want(t, "1\n2\n")
	})
}
