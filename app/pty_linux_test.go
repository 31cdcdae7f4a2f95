package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/app/internal/terminaltest"
)

// pseudoTerminal returns both ends of a terminal of some width.
func pseudoTerminal(t *testing.T, columns uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	control := func(what uintptr, value unsafe.Pointer) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ours.Fd(), what, uintptr(value)); errno != 0 {
			t.Fatalf("ioctl %#x: %v", what, errno)
		}
	}
	var unlock, number int32
	size := [4]uint16{24, columns}
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return ours, theirs
}

// watched passes on what is written to a terminal and calls saw with each new state of its screen.
func watched(from io.Reader, to *terminaltest.Screen, saw func(string)) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		_, _ = to.Write(buffer[:n])
		saw(to.Text())
		if err != nil {
			return // EIO: the other end is closed
		}
	}
}

// The handler does not continue before the live line has been seen on the terminal.
func TestRunShowsALiveLineOnATerminal(t *testing.T) {
	in(t, "tasks: {slow: {connectors: {input: {type: numbers, count: 3}}, consumer: {loop: {on_exception: discard}}}}")
	reg, seen := registry(), make(chan struct{})
	reg.Task("slow", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			d.Logger().InfoContext(ctx, "hello")
			select {
			case <-seen:
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
	}, "waits")
	ours, theirs := pseudoTerminal(t, 60)
	screen, once := new(terminaltest.Screen), sync.OnceFunc(func() { close(seen) })
	var watching sync.WaitGroup
	watching.Go(func() {
		watched(ours, screen, func(now string) {
			if strings.HasSuffix(now, "\nslow  0/3  0%  0/s  3 in flight") {
				once()
			}
		})
	})
	var stdout lockedBuffer
	code := app.Execute(t.Context(), app.Settings{Registry: reg, Name: "reckon"}, process.Process{
		Args: []string{"run"}, Stdout: &stdout, Stderr: theirs, LookupEnv: func(string) (string, bool) { return "", false },
		Columns:   process.Columns,
		Signals:   func(ctx context.Context) (context.Context, <-chan struct{}, func()) { return ctx, nil, func() {} },
		BuildInfo: func() (*debug.BuildInfo, bool) { return nil, false }, SetLogger: func(*slog.Logger) {},
	})
	if err := theirs.Close(); err != nil {
		t.Error(err)
	}
	watching.Wait()
	if code != 0 || !strings.Contains(stdout.String(), "succeeded  3") {
		t.Errorf("code %d, stdout %s", code, stdout.String())
	}
	if got := strings.Count(screen.Text(), "\n"); got != 3 || !strings.HasSuffix(screen.Text(), "\n") {
		t.Errorf("in the end the terminal has three log lines and no live line; got\n%s", screen.Text())
	}
}
