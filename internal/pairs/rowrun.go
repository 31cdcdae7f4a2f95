package pairs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// itemCount is how many transactions go through a row.
	itemCount = 200
	// keyCount is how many ordering keys they have.
	keyCount = 7
	// bound is how long one command may take, on a loaded machine. What hangs is killed then, and the row fails.
	bound = 60 * time.Second
)

// rowRun is one run of a row, in its own folder.
type rowRun struct {
	row                   Row
	folder                string
	binary                string // this program
	database              string // the address of a PostgreSQL database, if the row needs one
	source, sink, letters part
}

// newRowRun prepares the run of a row in an empty folder: its configuration, and its items in the source. binary is a program
// that calls Program first, database the address of a PostgreSQL database.
func newRowRun(row Row, folder, binary, database string) (*rowRun, error) {
	s := &rowRun{
		row: row, folder: folder, binary: binary, database: database,
		source: find(sources(), row[axisSource]), sink: find(sinks(), row[axisSink]), letters: find(letterStores(), row[axisLetters]),
	}
	if err := os.WriteFile(s.path("ergon.yaml"), []byte(s.configuration()), 0o600); err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	return s, s.source.fill(s, s.items())
}

func (s *rowRun) path(name string) string { return filepath.Join(s.folder, name) }

func (s *rowRun) items() []item {
	items := make([]item, itemCount)
	for i := range items {
		items[i].N = i
		if s.row[axisKey] == "key" {
			items[i].Key = fmt.Sprintf("key-%d", i%keyCount)
		}
	}
	return items
}

func (s *rowRun) configuration() string {
	return fmt.Sprintf(`tasks:
  copy:
    settings: {folder: %s, scenario: %s}
    connectors:
      input: %s
      output: %s
      dead_letters: %s
    consumer:
      loop: {execution: %s, mode: %s, ordering: %s, concurrency: {value: 4}, batch: {size: 10}}
      process: {retry: {max_attempts: 1}}
    workers: {count: %s, isolation: %s}
`, s.folder, s.row[axisScenario], s.source.line(s), s.sink.line(s), s.letters.line(s),
		s.row[axisExecution], s.row[axisMode], s.row[axisKey], s.row[axisWorkers], s.row[axisIsolation])
}

// answer is the result of one command.
type answer struct {
	command string
	code    int
	out     string
	err     string
}

// String is for a person who looks for a fault.
func (a answer) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", a.command, a.code, a.out, a.err)
}

// command runs the program under test until it ends, or its bound is over.
func (s *rowRun) command(ctx context.Context, arguments ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, s.binary, arguments...) //nolint:gosec // this program
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), programVariable+"=1", noRaceExitDelay())
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaints, time.Second
	err := cmd.Run()
	a := answer{strings.Join(arguments, " "), cmd.ProcessState.ExitCode(), out.String(), complaints.String()}
	if ctx.Err() != nil {
		return a, fmt.Errorf("did not end within %s: %s", bound, a)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return a, fmt.Errorf("%s: %w", a.command, err)
	}
	return a, nil
}

// noRaceExitDelay is a variable for the program under test. A program built with the race detector waits a second before it
// exits, for races that other threads may still run into; that would be more than half of the time of a row.
func noRaceExitDelay() string {
	return "GORACE=" + strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0")
}

// succeed runs a command that has to end with 0.
func (s *rowRun) succeed(ctx context.Context, arguments ...string) error {
	a, err := s.command(ctx, arguments...)
	if err == nil && a.code != 0 {
		err = fmt.Errorf("want exit code 0: %s", a)
	}
	return err
}

// refused runs a command that has to be refused with a message that names the cure.
func (s *rowRun) refused(ctx context.Context, cure string, arguments ...string) error {
	a, err := s.command(ctx, arguments...)
	if err == nil && (a.code == 0 || !strings.Contains(a.out+a.err, cure)) {
		err = fmt.Errorf("want it refused, with %q in the message: %s", cure, a)
	}
	return err
}

// mark makes one of the files by which the test and the task talk.
func (s *rowRun) mark(name string) error {
	return os.WriteFile(s.path(name), nil, 0o600) //nolint:wrapcheck // it names the file
}
