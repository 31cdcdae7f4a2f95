package crashrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// victimRun is one run of a victim, from its start to its end.
type victimRun struct {
	setup Setup
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has ended and said all
	err   error         // of its end; read it when ended is closed

	mu      sync.Mutex
	last    report
	running chan struct{} // closed when it first says that workers run
}

// start starts this program as the victim of a setup.
func (s Setup) start(ctx context.Context, environment ...string) (*victimRun, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	text, err := s.encode()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the victim's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the victim writes to it, not we
	l := &victimRun{
		setup: s, ended: make(chan struct{}), running: make(chan struct{}),
		cmd: exec.CommandContext(ctx, program), //nolint:gosec // this program itself
	}
	l.cmd.Env = append(append(os.Environ(), victimVariable+"="+text), environment...)
	l.cmd.Stderr = log
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("listen to the victim: %w", err)
	}
	if err := l.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the victim: %w", err)
	}
	go l.follow(out)
	return l, nil
}

// follow reads its reports until its end.
func (l *victimRun) follow(out io.Reader) {
	defer close(l.ended)
	first := sync.OnceFunc(func() { close(l.running) })
	for lines := json.NewDecoder(out); ; {
		var r report
		if err := lines.Decode(&r); err != nil {
			break
		}
		l.mu.Lock()
		if r.Workers == nil { // the last one
			r.Workers = l.last.Workers
		}
		l.last = r
		l.mu.Unlock()
		if len(r.Workers) >= 2*l.setup.Processes {
			first()
		}
	}
	l.err = l.cmd.Wait()
}

func (l *victimRun) report() report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.last
	r.Workers = slices.Clone(r.Workers)
	return r
}

// tooLong is how long anything may take that takes no time.
const tooLong = time.Minute

var errTooLong = errors.New("it took too long")

// kill kills it, waits for its end and sees to it that none of its workers outlives it.
func (l *victimRun) kill(ctx context.Context) error {
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the victim: %w", err)
	}
	if err := l.wait(ctx); err != nil {
		return err
	}
	return l.orphans(ctx)
}

// orphans returns nil once none of its workers is alive.
func (l *victimRun) orphans(ctx context.Context) error {
	return eventually(ctx, "workers outlived the process that had started them", func() (bool, error) {
		return !slices.ContainsFunc(l.report().Workers, alive), nil
	})
}

// terminated is the exit code of who was asked to end.
const terminated = 143

// terminate asks it to end, waits for that and returns an error unless it was because of that.
func (l *victimRun) terminate(ctx context.Context) error {
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("ask the victim to end (%w); it had ended: %w", err, l.ending(ctx))
	}
	if err := l.wait(ctx); err != nil {
		return err
	}
	if code := l.cmd.ProcessState.ExitCode(); code != terminated {
		return fmt.Errorf("the victim was asked to end and ended with %w instead of exit code %d; see %s", l.err, terminated, l.setup.log())
	}
	return l.orphans(ctx)
}

func (l *victimRun) ending(ctx context.Context) error {
	if err := l.wait(ctx); err != nil {
		return err
	}
	return l.err
}

// wait returns nil once it has ended, however.
func (l *victimRun) wait(ctx context.Context) error {
	return await(ctx, l.ended, "the victim did not end")
}

func await(ctx context.Context, happened <-chan struct{}, otherwise string) error {
	late := time.NewTimer(tooLong)
	defer late.Stop()
	select {
	case <-happened:
		return nil
	case <-late.C:
		return fmt.Errorf("%s: %w", otherwise, errTooLong)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", otherwise, context.Cause(ctx))
	}
}

// survive returns nil once the time is over, and an error where the victim ended before that.
func (l *victimRun) survive(ctx context.Context, d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-l.ended:
		return fmt.Errorf("the victim ended: %w; see %s", l.err, l.setup.log())
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// eventually asks again and again until the answer is yes.
func eventually(ctx context.Context, otherwise string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, tooLong, errTooLong)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", otherwise, context.Cause(ctx))
		}
	}
}
