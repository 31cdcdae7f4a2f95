package command

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon/internal/guard"
)

// host starts programs through a guard process, which kills what they leave behind and outlives no worker.
type host struct{ guard *guard.Guard }

func newHost(c Config) *host { return &host{guard.New(c.LeaveChildren)} }

func (h *host) run(ctx context.Context, e execution) (ending, error) {
	status, err := h.guard.Run(ctx, guard.Program{
		Path: e.path, Dir: e.dir, Args: e.args, Env: e.env, Stdin: e.stdin, Stdout: e.stdout, Stderr: e.stderr,
	})
	switch {
	case err != nil:
		return ending{}, err
	case status.CoreDump():
		return ending{code: -1, signal: fmt.Sprintf("signal: %s (core dumped)", status.Signal())}, nil
	case status.Signaled():
		return ending{code: -1, signal: fmt.Sprintf("signal: %s", status.Signal())}, nil
	}
	return ending{code: status.ExitStatus()}, nil
}

func (h *host) close(ctx context.Context) error { return h.guard.Close(ctx) }
