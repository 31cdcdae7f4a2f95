package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/ergon-go/ergon/config"
)

// Main runs the command line of a program that has nothing but a registry, and ends the process.
func Main(registry *config.Registry) { Run(Settings{Registry: registry}) }

// Run runs the command line as the process was started with, and ends the process with its exit code. It sets two things
// for the whole process: the memory limit of the runtime, to nine tenths of what the control group allows, unless
// GOMEMLIMIT is set; and the default logger, to the one that --log-level and --log-format ask for.
//
// As process 1 of a container it runs the command line in a child process. It passes signals on to that, reaps what has lost
// its parent, and takes over the exit code.
func Run(s Settings) {
	if code, ran := runAsInit(); ran {
		os.Exit(code)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // caught: output that nobody reads is an error as any other
	limitMemory(os.DirFS("/"), os.LookupEnv)
	process := thisProcess()
	code := run(context.Background(), s, process)
	process.flush()
	os.Exit(code)
}

// run is one call of the command line; it returns the exit code.
func run(ctx context.Context, s Settings, process process) int {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return (&program{out: newPrinter(s.Name, process)}).fail(nil, &usageError{err: err})
	}
	p := newProgram(s, process)
	root, err := p.root()
	if err != nil {
		return p.fail(nil, &usageError{err: err})
	}
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !p.began {
		err = &usageError{err: err, help: true}
	}
	return p.fail(command, err)
}
