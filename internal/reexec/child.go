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
	stdout, stderr  *lines
	done            chan struct{}
	err             error // how it ended
}

// live is the whole life of the child. On Linux it is killed when the thread that started it ends, so that is kept.
func (c *Child) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	if errors.Is(c.err, exec.ErrWaitDelay) {
		c.err = nil // it ended well, and something that it started goes on writing
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

// Wait waits for the child's end and returns what it ended with: nil, or an *[exec.ExitError].
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Kill ends the child and what it has started, at once. Its end is awaited by Wait.
func (c *Child) Kill() {
	select {
	case <-c.done:
	default:
		c.killGroup()
	}
}

// killGroup kills what is left of the child's process group. The id of a group is not used again while anything is in it.
func (c *Child) killGroup() { killGroup(c.cmd.Process.Pid) }

// Close gives back the pipes. A child that still runs takes that for the end of its parent.
func (c *Child) Close() error { return errors.Join(c.orders.Close(), c.reports.Close()) }
