// Package process holds what a process has around it: arguments, files, environment, terminal and signals. Tests replace it.
package process

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/term"

	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// Process is the environment of a call of the command line.
type Process struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	LookupEnv      func(name string) (value string, set bool)
	// Columns is the width of a terminal; false if the writer is not a terminal.
	Columns func(io.Writer) (int, bool)
	// Interactive reports whether a user reads the messages and can answer.
	Interactive func() bool
	// Signals returns a context that SIGINT, SIGTERM and SIGHUP end, and a channel that the second of them closes.
	Signals   func(context.Context) (ctx context.Context, force <-chan struct{}, stop func())
	BuildInfo func() (*debug.BuildInfo, bool)
	// Machine is the machine that doctor checks. Nil: the one that the program runs on.
	Machine func() machine.Machine
	// SetLogger sets the default logger, SetProviders the global providers. SetProviders may be nil.
	SetLogger    func(*slog.Logger)
	SetProviders func(*telemetry.Providers)
}

// This is the process of the program.
func This() Process {
	return Process{
		Args: os.Args[min(1, len(os.Args)):], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: sink.NewWriter(os.Stderr),
		LookupEnv: os.LookupEnv, Columns: Columns, Interactive: interactive, Signals: runner.Signals, BuildInfo: debug.ReadBuildInfo,
		SetLogger: slog.SetDefault, SetProviders: (*telemetry.Providers).SetGlobal,
	}
}

// Flush writes the messages that wait for standard error. If nobody reads them, it drops them after a limit, so that the process ends.
func (p Process) Flush() {
	if queue, ok := p.Stderr.(*sink.Writer); ok {
		queue.Flush(time.Second, telemetry.FlushTimeout, nil)
	}
}

// Underlying is the file behind the queue of a writer.
func Underlying(w io.Writer) io.Writer {
	if queue, ok := w.(*sink.Writer); ok {
		return queue.Unwrap()
	}
	return w
}

// ThisMachine is the machine that doctor checks.
func (p Process) ThisMachine() machine.Machine {
	if p.Machine != nil {
		return p.Machine()
	}
	return machine.This(p.LookupEnv, p.BuildInfo)
}

// Columns is the width of w if it is a terminal.
func Columns(w io.Writer) (int, bool) {
	file, ok := Underlying(w).(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width < 1 {
		width = 80
	}
	return width, true
}

func interactive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}
