package app

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
)

// Process is what a call has around it, for tests to give.
type Process = process

// Machine is what doctor looks at, for tests to give.
type Machine = machine

// Execute is one call of the command line.
func Execute(ctx context.Context, s Settings, p Process) int { return run(ctx, s, p) }

// MemoryLimit is what the control group allows.
var MemoryLimit = memoryLimit

// LiveLine keeps a line at the bottom of a terminal.
type LiveLine = liveLine

// NewLiveLine is one on w.
func NewLiveLine(w io.Writer) *LiveLine { return &liveLine{terminal: w} }

// Columns is the width of a terminal.
var Columns = columns

// DrawProgress and LogProgress watch until ctx ends.
var (
	DrawProgress = drawProgress
	LogProgress  = logProgress
)

// Line is the live line of tasks, all that is known of them.
func Line(tasks []runner.TaskProgress, width int, stopping bool) string {
	var m meter
	return m.together(tasks).line(width, stopping)
}

// Summarize is the table of a run.
func Summarize(s runner.Summary, color bool) string { return summarize(s, colors{on: color}) }

// LimitMemory sets the memory limit of the test's process.
var LimitMemory = limitMemory

// Bounded calls do, and does not wait for it longer than timeout.
func Bounded(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	return bounded(ctx, timeout, do)
}

// Snapshot is what files were like at some moment.
type Snapshot = snapshot

// Differences names what has changed.
func (s snapshot) Differences(now Snapshot) []string { return s.differences(now) }

// FileStateAt is a file that was changed then.
func FileStateAt(t time.Time) fileState { return fileState{modified: t} }

// Look takes a snapshot.
var Look = look

// Developer runs a program, and a new one whenever something changes.
type Developer = developer

// NewDeveloper makes one of its parts.
func NewDeveloper(
	look func() Snapshot, build func(context.Context) (string, error),
	start func(string) (<-chan string, func() string, error), say func(string, ...any),
) Developer {
	return developer{look, build, func(program string) (child, error) {
		ended, stop, err := start(program)
		return child{ended, stop}, err
	}, say}
}

// Run goes on until ctx ends.
func (d developer) Run(ctx context.Context) error { return d.run(ctx) }

// FreeAddress is where dev serves the console.
var FreeAddress = freeAddress

// FlagsOf are the flags that dev hands on.
var FlagsOf = flagsOf

// CommandsThatTakeTasks are the commands that complete the names of tasks.
func CommandsThatTakeTasks() []string {
	reg := config.NewRegistry()
	root, err := newProgram(Settings{Registry: reg, Name: "p"}.withDefaults(), thisProcess()).root()
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.ValidArgsFunction != nil && c.Name() != helpCommand && c.Parent().Name() != "completion" {
			names = append(names, strings.TrimPrefix(c.CommandPath(), "p "))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return names
}
