package runner_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// [E3] [E4] The whole tree of processes, with real signals to the one that a user has started.
func TestTreeOfProcessesEndsWithTheExitCodeOfItsSignal(t *testing.T) {
	for name, c := range map[string]struct {
		does    string
		signals []syscall.Signal
		want    int
	}{
		"done":                 {"", nil, 0},
		"given up":             {"exit each time", nil, 1},
		"not configured":       {"lack a service", nil, 2},
		"SIGTERM":              {"heed", []syscall.Signal{syscall.SIGTERM}, 143},
		"SIGINT":               {"heed", []syscall.Signal{syscall.SIGINT}, 130},
		"second signal forces": {"ignore", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, 143},
	} {
		t.Run(name, func(t *testing.T) {
			task := isolatedTask{Folder: string(newFolder(t, "t00")), Does: c.does, CrashLimit: 1}
			if got := child(t, task.environ(), c.signals...); got != c.want {
				t.Errorf("got exit code %d, want %d", got, c.want)
			}
			if f := folder(task.Folder); len(f.in("claimed")) > 0 && c.want != 1 {
				t.Errorf("claimed are %q, want what was not done requeued", f.in("claimed"))
			}
		})
	}
}

// kept is the descriptor of a pipe that worker processes inherit from their supervisor, in addition to their own.
const kept = 5

// [E2] All processes hold the end of a pipe. When it reads as closed, all of them are gone.
func TestNoWorkerProcessOutlivesItsSupervisor(t *testing.T) {
	for _, does := range []string{"heed", "ignore"} {
		t.Run(does, func(t *testing.T) {
			c := isolatedTask{Folder: string(newFolder(t, ids(4)...)), Does: does, Count: 2, Streaming: true}
			cmd, gone := c.supervised(t)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for _, held := range cmd.ExtraFiles {
				held.Close()
			}
			f := folder(c.Folder)
			for lines := bufio.NewScanner(out); len(f.in("claimed")) < 4 && lines.Scan(); {
				continue // until both workers are at it
			}
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, gone); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it had ended by itself")
			}
			// What was claimed is left to be delivered again: nobody had the time to give it back.
			if len(f.in("claimed")) != 4 {
				t.Errorf("claimed are %q, want four", f.in("claimed"))
			}
		})
	}
}

// supervised starts the task with a supervisor in another process. gone reads as closed when all processes are gone.
func (c isolatedTask) supervised(t *testing.T) (cmd *exec.Cmd, gone io.Reader) {
	t.Helper()
	end, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close() })
	cmd = exec.CommandContext(bounded(t), os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"="+c.environ())
	for range kept - 2 { // the first of them is 3
		cmd.ExtraFiles = append(cmd.ExtraFiles, held)
	}
	return cmd, end
}
