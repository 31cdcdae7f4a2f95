package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

// [E4]
func TestExitCodeIsThatOfTheWorstError(t *testing.T) {
	sigint, sigterm := &runner.SignalError{Signal: os.Interrupt}, &runner.SignalError{Signal: syscall.SIGTERM}
	config := &runner.ConfigError{Task: "triage", Err: errBroken}
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$", "-no-such-flag").Run()
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nil":                         {nil, 0},
		"any":                         {errBroken, 1},
		"loop timeout":                {ergon.ErrLoopTimeout, 1},
		"usage":                       {runner.ErrUsage, 2},
		"wrapped usage":               {fmt.Errorf("%w: %w", runner.ErrUsage, errBroken), 2},
		"configuration":               {config, 2},
		"unknown task":                {&runner.UnknownTaskError{Name: "x"}, 2},
		"SIGINT":                      {sigint, 130},
		"SIGTERM":                     {sigterm, 143},
		"another signal":              {&runner.SignalError{Signal: syscall.SIGHUP}, 129},
		"wrapped signal":              {fmt.Errorf("task: %w", errors.Join(sigterm)), 143},
		"both signals":                {errors.Join(sigint, sigterm), 143},
		"signal and what it caused":   {errors.Join(ergon.ErrInterrupted, sigint, fmt.Errorf("find: %w", context.Canceled)), 130},
		"signal as a cause":           {fmt.Errorf("%w: %w", context.Canceled, sigterm), 143},
		"signal and a failure":        {errors.Join(sigterm, errBroken), 1},
		"failure and configuration":   {errors.Join(errBroken, sigterm, config), 2},
		"interrupted without a cause": {ergon.ErrInterrupted, 1},
		"cancelled":                   {context.Canceled, 1},
		"failed transaction":          {&ergon.TransactionError{Err: errBroken}, 1},
		"another program":             {fmt.Errorf("open: %w", process), 1},
	} {
		t.Run(name, func(t *testing.T) { wantExitCode(t, c.err, c.want) })
	}
	if exit, ok := errors.AsType[*exec.ExitError](process); !ok || exit.ExitCode() != 2 {
		t.Errorf("got %v from the other program, want it to have ended with 2", process)
	}
}
