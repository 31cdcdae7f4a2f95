package reexec

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// Child is a process that was started by [Start].
type Child struct {
	link

	cmd             *exec.Cmd
	orders, reports *os.File
	stdout, stderr  *lineSplitter
	done            chan struct{}
	err             error // of Wait
}

// run starts the child and waits for its end. It keeps its thread: on Linux the child is killed when the thread that started it
// ends.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	if errors.Is(c.err, exec.ErrWaitDelay) {
		c.err = nil // it succeeded, and a process that it started still has its output open
	}
	if c.err != nil {
		c.killGroup()
	}
	c.stdout.flush()
	c.stderr.flush()
	close(c.done)
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and its last line is written.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait waits until the child has ended. It returns nil, or an *[exec.ExitError].
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Kill kills the child and the processes that it has started. It does not wait for their end.
func (c *Child) Kill() {
	select {
	case <-c.done:
	default:
		c.killGroup()
	}
}

// killGroup kills the remaining processes of the child's group. The system does not reuse the id of a group that has processes.
func (c *Child) killGroup() { killGroup(c.cmd.Process.Pid) }

// Close closes the pipes. To a child that still runs, it looks like the end of its parent.
func (c *Child) Close() error { return errors.Join(c.orders.Close(), c.reports.Close()) }
