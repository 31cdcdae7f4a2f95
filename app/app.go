package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/pid1"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/config"
)

// Main runs the command line of a program that needs only a registry, and ends the process.
func Main(registry *config.Registry) { Run(Settings{Registry: registry}) }

// Run runs the command line with the arguments of the process, and ends the process with its exit code. It changes two settings
// of the whole process. Unless GOMEMLIMIT is set, the memory limit of the runtime becomes nine tenths of the limit of the control
// group. The default logger becomes the one that --log-level and --log-format select.
//
// As process 1 of a container it runs the command line in a child process. It passes signals on to the child, reaps orphaned
// processes, and ends with the exit code of the child.
func Run(s Settings) {
	if code, ran := pid1.Run(); ran {
		os.Exit(code)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // caught: a closed pipe is an error like any other
	machine.LimitMemory(os.DirFS("/"), os.LookupEnv)
	around := process.This()
	code := execute(context.Background(), s, around)
	around.Flush()
	os.Exit(code)
}

// execute is one call of the command line; it returns the exit code.
func execute(ctx context.Context, s Settings, around process.Process) int {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return (&program{out: output.New(s.Name, around)}).fail(nil, &usage.Error{Err: err})
	}
	p := newProgram(s, around)
	root, err := p.root()
	if err != nil {
		return p.fail(nil, &usage.Error{Err: err})
	}
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !p.began {
		err = &usage.Error{Err: err, Help: true}
	}
	return p.fail(command, err)
}
