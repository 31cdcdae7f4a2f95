package reexec

import (
	"errors"
	"fmt"
	"os"
)

// variable tells the child its role.
const variable = "ERGON_WORKER_PROCESS"

// The child's ends of the pipes.
const (
	fromParent = 3
	toParent   = 4
)

// ErrUnsupported is returned on systems where a child cannot be given pipes, or a group of its own.
var ErrUnsupported = errors.New("worker processes need a Unix system")

// Role returns the role that this process was started for, "" for a process that nobody started with [Start], and once the
// role is taken.
func Role() string { return os.Getenv(variable) }

// Take takes the role of this process, once: what it starts itself from then on has none. Call it where Role is not "".
func Take() (*Parent, error) {
	role := Role()
	if err := os.Unsetenv(variable); err != nil {
		return nil, fmt.Errorf("take the role of a worker process: %w", err)
	}
	in, out, err := inherited()
	if err != nil {
		return nil, fmt.Errorf("%s is %q, but nobody started this process as a worker (%w); unset the variable", variable, role, err)
	}
	return &Parent{Role: role, link: newLink(in, out)}, nil
}

// Parent is the parent of a process that has taken its role.
type Parent struct {
	Role string
	link
}
