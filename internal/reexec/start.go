package reexec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// outputTimeout is how long output is still read after the end of the child, if a process that it started keeps it open.
const outputTimeout = time.Second

// Settings are those of a child.
type Settings struct {
	// Role is what [Role] returns in the child. Not "".
	Role string
	// Env are additional environment variables, as "NAME=value".
	Env []string
	// Stdout and Stderr are called with each line that the child writes there, including its line end. A line longer than 1 MiB
	// is split.
	Stdout, Stderr func(line []byte)
}

// Start executes this program once more, with the same arguments, in the same directory, with an empty standard input.
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
		stdout: &lineSplitter{emit: s.Stdout}, stderr: &lineSplitter{emit: s.Stderr},
	}
	c.cmd = &exec.Cmd{
		Path: program, Args: os.Args, Env: slices.Concat(os.Environ(), s.Env, []string{variable + "=" + s.Role}),
		Stdout: c.stdout, Stderr: c.stderr, ExtraFiles: []*os.File{childIn, childOut}, // fromParent, toParent
		SysProcAttr: attributes(), WaitDelay: outputTimeout,
	}
	started := make(chan error)
	go c.run(started)
	err = <-started
	err = errors.Join(err, childIn.Close(), childOut.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s as a worker process: %w", program, err), c.Close())
	}
	return c, nil
}
