package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Patience is how long the outputs of a program may stay open after it has ended, because a process that is not killed holds
// them. It is also how long the guard process may take to kill a program.
const Patience = time.Second

// Program is a program to run.
type Program struct {
	Path, Dir      string
	Args, Env      []string // Args has the name first
	Stdin          []byte
	Stdout, Stderr io.Writer // one goroutine writes to each, and none after Run has returned
}

// Run runs a program to its end and returns its status. When ctx ends, the program is killed with all its descendants; that is
// not an error.
func (g *Guard) Run(ctx context.Context, p Program) (syscall.WaitStatus, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	l, err := g.connect()
	if err != nil {
		return 0, err
	}
	pipes, err := openPipes()
	if err != nil {
		return 0, err
	}
	id, ended := l.expect()
	err = l.send(request{
		ID: id, Path: []byte(p.Path), Dir: []byte(p.Dir), Args: join(p.Args), Env: join(p.Env), files: pipes.descriptors(),
	})
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		return 0, errors.Join(ErrGone, err)
	}
	copied := pipes.copy(p)
	end, err := l.await(ctx, id, ended)
	pipes.finish(copied)
	switch {
	case err != nil:
		return 0, err
	case end.Errno != 0:
		return 0, fmt.Errorf("start %s: %w", p.Path, end.Errno)
	}
	return end.Status, nil
}

// await waits for the end of a program. It requests its kill when ctx ends.
func (l *link) await(ctx context.Context, id uint64, ended <-chan reply) (reply, error) {
	var late <-chan time.Time
	stop := ctx.Done()
	for {
		select {
		case end, ok := <-ended:
			if !ok {
				return end, ErrGone
			}
			return end, nil
		case <-stop:
			stop, late = nil, time.After(Patience)
			_ = l.send(request{ID: id, Kill: true}) // if the guard is gone, ended is closed
		case <-late:
			return reply{}, fmt.Errorf("the program has not ended %s after the guard was to kill it", Patience)
		}
	}
}

// pipes are the three of a program: ours and theirs, in the order of the descriptors.
type pipes struct{ ours, theirs [programFiles]*os.File }

func openPipes() (*pipes, error) {
	var p pipes
	for fd := range programFiles {
		from, to, err := os.Pipe()
		if err != nil {
			p.closeOurs()
			p.closeTheirs()
			return nil, fmt.Errorf("make a pipe to a program: %w", err)
		}
		p.ours[fd], p.theirs[fd] = from, to
		if fd == 0 {
			p.ours[fd], p.theirs[fd] = to, from
		}
	}
	return &p, nil
}

// descriptors are the files of the program. They block, as programs expect.
func (p *pipes) descriptors() []int {
	var all []int
	for _, file := range p.theirs {
		fd := int(file.Fd())
		_ = syscall.SetNonblock(fd, false)
		all = append(all, fd)
	}
	return all
}

// copy writes the program's input and reads its outputs. The channel is closed when both outputs have ended.
func (p *pipes) copy(program Program) (copied <-chan struct{}) {
	var outputs sync.WaitGroup
	for fd, to := range []io.Writer{1: program.Stdout, 2: program.Stderr} {
		if fd > 0 {
			outputs.Go(func() { _, _ = io.Copy(to, p.ours[fd]) }) // the writer keeps its own error
		}
	}
	go func() {
		_, _ = io.Copy(p.ours[0], bytes.NewReader(program.Stdin)) // a program need not read its input
		_ = p.ours[0].Close()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		outputs.Wait()
	}()
	return done
}

// finish waits for the rest of the outputs, at most Patience: another process may hold them open.
func (p *pipes) finish(copied <-chan struct{}) {
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-copied:
	case <-timer.C:
	}
	p.closeOurs()
	<-copied
}

func (p *pipes) closeOurs()   { closeFiles(p.ours) }
func (p *pipes) closeTheirs() { closeFiles(p.theirs) }

func closeFiles(files [programFiles]*os.File) {
	for _, file := range files {
		_ = file.Close() // nil if it was not opened; or closed before
	}
}
