package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// self is this program, also where another file has taken its name.
const self = "/proc/self/exe"

var (
	// ErrGone is returned for a program whose guard process has ended. The program may go on.
	ErrGone = errors.New("the guard process has ended")
	// ErrClosed is returned for a program that is started after Close.
	ErrClosed = errors.New("programs are no longer started: the guard is closed")
)

// Guard starts programs through a process of its own, which begins with the first of them and ends with Close. It is safe for
// concurrent use.
type Guard struct {
	leave bool

	mu     sync.Mutex
	link   *link // to the process; nil: there is none
	closed bool
}

// New returns a guard. With leave, what a program that ended by itself has started is left alone; otherwise it is killed.
func New(leave bool) *Guard { return &Guard{leave: leave} }

// connect returns the link to the guard process, and starts that where there is none.
func (g *Guard) connect() (*link, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	if g.link != nil && !g.link.over() {
		return g.link, nil
	}
	l, err := start(g.leave)
	if err != nil {
		return nil, fmt.Errorf("start the guard process: %w", err)
	}
	g.link = l
	return l, nil
}

// Close kills what runs and waits for the guard process to end, as long as ctx lasts. What it leaves it names.
func (g *Guard) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	l := g.link
	g.mu.Unlock()
	if l == nil {
		return nil
	}
	l.shut()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the guard process %d has programs that do not end: %w", l.process.Process.Pid, context.Cause(ctx))
	}
}

// link is the worker's end of the socket to one guard process.
type link struct {
	process *exec.Cmd
	conn    *net.UnixConn
	closing func() error
	ended   chan struct{} // closed when the process is gone

	sending sync.Mutex // held while a request is written

	mu      sync.Mutex // guards what follows
	waiting map[uint64]chan<- reply
	last    uint64
	gone    bool // nobody answers any more
}

// start runs this program once more, as a guard process. Its environment is empty but for its part: it has no use for
// secrets, and programs are given theirs one by one.
func start(leave bool) (*link, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "guard"), os.NewFile(uintptr(ends[1]), "worker")
	defer func() { _ = errors.Join(theirs.Close(), ours.Close()) }() // the connection is a copy
	made, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	conn, ok := made.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("a pair of sockets is none"), made.Close())
	}
	part := partKill
	if leave {
		part = partLeave
	}
	l := &link{conn: conn, closing: sync.OnceValue(conn.Close), ended: make(chan struct{}), waiting: map[uint64]chan<- reply{}}
	l.process = &exec.Cmd{
		Path: self, Args: []string{filepath.Base(os.Args[0]) + ": guard of programs"},
		Env: []string{variable + "=" + part, "GOMAXPROCS=2"}, Stderr: os.Stderr,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := l.process.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go l.listen()
	return l, nil
}

// listen hands out replies until the guard process has ended.
func (l *link) listen() {
	for replies := json.NewDecoder(l.conn); ; {
		var r reply
		if replies.Decode(&r) != nil {
			break
		}
		l.mu.Lock()
		if to := l.waiting[r.ID]; to != nil {
			to <- r // has room for one, and there is one
			delete(l.waiting, r.ID)
		}
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.gone = true
	for _, to := range l.waiting {
		close(to)
	}
	clear(l.waiting)
	l.mu.Unlock()
	l.shut()
	_ = l.process.Wait() // how it ended changes nothing
	close(l.ended)
}

// shut has the guard process find its socket closed.
func (l *link) shut() { _ = l.closing() }

func (l *link) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// expect makes the number of a program and the channel that its reply comes through; that is closed where none will come.
func (l *link) expect() (uint64, <-chan reply) {
	to := make(chan reply, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	if l.gone {
		close(to)
	} else {
		l.waiting[l.last] = to
	}
	return l.last, to
}

// send sends a request. It fails where the guard process has ended, of which the channel of the reply tells as well.
func (l *link) send(r request) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	return send(l.conn, r)
}
