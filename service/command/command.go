package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ergon-go/ergon"
)

const (
	exitBusiness = 65 // EX_DATAERR
	exitAgain    = 75 // EX_TEMPFAIL
)

// patience is how long the pipes of a program may stay open after it has ended: something that it started holds them.
const patience = time.Second

// Command runs a program. It is safe for concurrent use.
type Command struct {
	config  Config
	program string // its path
	environ []string
	logger  *slog.Logger
}

// New finds the program, without running it. A nil logger means slog.Default.
func New(c Config, logger *slog.Logger) (*Command, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.Default()
	}
	program, err := find(c)
	if err != nil {
		return nil, fmt.Errorf("argv: the program %q cannot be run: %w; give its path, or install it where PATH leads", c.Argv[0], err)
	}
	return &Command{config: c, program: program, environ: environ(c), logger: logger}, nil
}

// find looks for a path with a slash in it below dir, where the program will look from, and for a name in PATH.
func find(c Config) (string, error) {
	name := c.Argv[0]
	if c.Dir != "" && strings.ContainsRune(name, '/') {
		name = below(c.Dir, name)
	}
	program, err := exec.LookPath(name)
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return "", e.Err
	}
	return absolute(program, err)
}

// Call runs the program once with payload on its standard input, and returns what it prints.
func (c *Command) Call(ctx context.Context, tx ergon.Transaction, payload []byte) ([]byte, error) {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	cmd := exec.CommandContext(ctx, c.program, c.config.Argv[1:]...) //nolint:gosec // the program is what the configuration is for
	cmd.Args[0] = c.config.Argv[0]
	cmd.Dir = c.config.Dir
	cmd.Env = slices.Concat(c.environ, variables(ctx, tx))
	cmd.Stdin = bytes.NewReader(payload)
	stdout := &head{limit: c.config.MaxOutputBytes, full: func() { kill(errTooMuch) }}
	stderr := c.stderr(ctx, payload)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = patience
	isolate(cmd)
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		killGroup(cmd) // what it left behind holds its pipes, so it is still there
	}
	stderr.close()
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errTooMuch) {
		return nil, ergon.Permanent(fmt.Errorf("%w: more than max_output_bytes, which is %d", errTooMuch, c.config.MaxOutputBytes))
	}
	if err != nil {
		return nil, c.failure(ctx, err, stderr.said())
	}
	return stdout.kept, nil
}

// errTooMuch is not worth another attempt: the program would print as much again.
var errTooMuch = errors.New("the program was killed because it printed too much")

// failure says what became of a program that did not succeed, with what it said.
func (c *Command) failure(ctx context.Context, err error, said string) error {
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the program was killed: %w", context.Cause(ctx))
	case errors.Is(err, exec.ErrWaitDelay):
		return fmt.Errorf("the program ended, but what it started held its output open, and was killed after %s", patience)
	case !ended && errors.Is(err, syscall.E2BIG):
		return ergon.Permanent(fmt.Errorf("start the program: %w: the transaction's metadata is too much for its environment", err))
	case !ended:
		return fmt.Errorf("run the program: %w", err)
	}
	message := fmt.Errorf("exit code %d%s", exit.ExitCode(), said)
	switch exit.ExitCode() {
	case exitBusiness:
		return ergon.Business(message)
	case exitAgain:
		return message
	case -1:
		return fmt.Errorf("the program was ended by %s%s", exit.ProcessState, said)
	default:
		return message
	}
}
