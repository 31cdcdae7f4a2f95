package reexec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// lastLines is how long lines are still read after the child has ended, where something that it started holds its outputs.
const lastLines = time.Second

// Settings say what a child is.
type Settings struct {
	// Role is what [Role] returns in the child. Not "".
	Role string
	// Env are variables besides those of this process, as "NAME=value".
	Env []string
	// Stdout and Stderr get what the child writes there, a line at a time with its end; one longer than 1 MiB as
	// several.
	Stdout, Stderr func(line []byte)
}

// Start runs this program once more, with the same arguments, in the same directory, with nothing on standard input.
func Start(s Settings) (*Child, error) {
	program, err := executable()
	if err != nil {
		return nil, err
	}
	childIn, orders, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to a worker process: %w", err)
	}
	reports, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe from a worker process: %w", err), childIn.Close(), orders.Close())
	}
	c := &Child{
		link: newLink(reports, orders), reports: reports, orders: orders, done: make(chan struct{}),
		stdout: &lines{emit: s.Stdout}, stderr: &lines{emit: s.Stderr},
	}
	c.cmd = &exec.Cmd{
		Path: program, Args: os.Args, Env: slices.Concat(os.Environ(), s.Env, []string{variable + "=" + s.Role}),
		Stdout: c.stdout, Stderr: c.stderr, ExtraFiles: []*os.File{childIn, childOut}, // fromParent, toParent
		SysProcAttr: attributes(), WaitDelay: lastLines,
	}
	started := make(chan error)
	go c.live(started)
	err = <-started
	err = errors.Join(err, childIn.Close(), childOut.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s as a worker process: %w", program, err), c.Close())
	}
	return c, nil
}
