//go:build !linux

package command

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"time"
)

// patience is how long the outputs of a program may stay open after it has ended: something that it started holds them.
const patience = time.Second

// host starts programs itself, each in a process group of its own where there are such.
type host struct{ leave bool }

func newHost(c Config) *host { return &host{c.LeaveChildren} }

func (h *host) run(ctx context.Context, e execution) (ending, error) {
	cmd := exec.CommandContext(ctx, e.path)
	cmd.Args, cmd.Dir, cmd.Env = e.args, e.dir, e.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(e.stdin), e.stdout, e.stderr
	cmd.WaitDelay = patience
	isolate(cmd)
	err := cmd.Run()
	if cmd.Process != nil && !h.leave {
		killGroup(cmd)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() < 0 {
			return ending{code: -1, signal: exit.String()}, nil
		}
		return ending{code: exit.ExitCode()}, nil
	}
	if cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return ending{}, nil // what it left behind, and how its outputs were read, changes nothing
	}
	return ending{}, err
}

func (*host) close(context.Context) error { return nil }
