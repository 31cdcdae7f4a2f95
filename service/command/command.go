package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/ergon-go/ergon"
)

// exitBusiness is EX_DATAERR. EX_TEMPFAIL, 75, is SYSTEM as all others are.
const exitBusiness = 65

// Command runs a program. It is safe for concurrent use and must be closed.
type Command struct {
	config  Config
	program string // its path
	environ []string
	host    *host // starts it
	logger  *slog.Logger
}

var _ ergon.Closer = (*Command)(nil)

// New finds the program and does not run it. A nil logger means slog.Default.
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
	return &Command{config: c, program: program, environ: environ(c, os.Environ()), host: newHost(c), logger: logger}, nil
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

// execution is one run of a program.
type execution struct {
	path, dir      string
	args, env      []string // args has the name first
	stdin          []byte
	stdout, stderr io.Writer
}

// ending is how a program ended by itself.
type ending struct {
	code   int
	signal string // what ended it, as "signal: killed"; "" where it exited
}

// Call runs the program once with payload on its standard input, and returns its standard output. Exit code 65 is a BUSINESS
// error, and too much output or metadata is a permanent error. All other errors are SYSTEM. If ctx ends, the error wraps its
// cause.
func (c *Command) Call(ctx context.Context, tx ergon.Transaction, payload []byte) ([]byte, error) {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	stdout := &head{limit: c.config.MaxOutputBytes, full: func() { kill(errTooMuch) }}
	stderr := c.stderr(ctx, payload)
	end, err := c.host.run(ctx, execution{
		path: c.program, dir: c.config.Dir, args: c.config.Argv, env: slices.Concat(c.environ, variables(ctx, tx)),
		stdin: payload, stdout: stdout, stderr: stderr,
	})
	stderr.close()
	switch {
	case errors.Is(context.Cause(ctx), errTooMuch):
		return nil, ergon.Permanent(fmt.Errorf("%w: more than max_output_bytes, which is %d", errTooMuch, c.config.MaxOutputBytes))
	case err != nil || end != ending{}:
		return nil, failure(ctx, end, err, stderr.said())
	}
	return stdout.data, nil
}

// Close kills the running programs and ends the guard process. No program runs afterwards.
func (c *Command) Close(ctx context.Context) error { return c.host.close(ctx) }

// errTooMuch is not worth another attempt: the program would print as much again.
var errTooMuch = errors.New("the program was killed because it printed too much")

// failure says what became of a program that did not succeed, with what it said; err is why it could not be run at all.
func failure(ctx context.Context, end ending, err error, said string) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the program was killed: %w", context.Cause(ctx))
	case errors.Is(err, syscall.E2BIG):
		return ergon.Permanent(fmt.Errorf("%w: the transaction's metadata is too much for its environment", err))
	case err != nil:
		return fmt.Errorf("run the program: %w", err)
	case end.signal != "":
		return fmt.Errorf("the program was ended by %s%s", end.signal, said)
	}
	message := fmt.Errorf("exit code %d%s", end.code, said)
	if end.code == exitBusiness {
		return ergon.Business(message)
	}
	return message
}
