package reexec

import (
	"errors"
	"fmt"
	"os"
)

// variable has the role of a child in its environment.
const variable = "ERGON_WORKER_PROCESS"

// The child's ends of the pipes.
const (
	fromParent = 3
	toParent   = 4
)

// ErrUnsupported is returned on systems other than Unix, where a child cannot inherit pipes or lead a process group.
var ErrUnsupported = errors.New("worker processes need a Unix system")

// Role returns the role of this process. It is "" in a process that was not started by [Start], and after [Take].
func Role() string { return os.Getenv(variable) }

// Take takes the role of this process and connects to its parent. Programs that the process starts from then on have no role.
// Call it once, if Role is not "".
func Take() (*Parent, error) {
	role := Role()
	if err := os.Unsetenv(variable); err != nil {
		return nil, fmt.Errorf("take the role of a worker process: %w", err)
	}
	in, out, err := inherited()
	if err != nil {
		return nil, fmt.Errorf("%s is %q, but this process was not started as a worker process (%w); unset the variable", variable, role, err)
	}
	return &Parent{Role: role, link: newLink(in, out)}, nil
}

// Parent is the parent of a process that has taken its role.
type Parent struct {
	Role string
	link
}
