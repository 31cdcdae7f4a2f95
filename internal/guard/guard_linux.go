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

// self is this program, even if another file has its name by now.
const self = "/proc/self/exe"

var (
	// ErrGone is returned for a program whose guard process has ended. The program may continue.
	ErrGone = errors.New("the guard process has ended")
	// ErrClosed is returned by Run after Close.
	ErrClosed = errors.New("no program can be started: the guard is closed")
)

// Guard starts programs through a guard process, which is started with the first program and ends with Close. It is safe for
// concurrent use.
type Guard struct {
	leaveChildren bool

	mu     sync.Mutex
	link   *link // to the process; nil: there is none
	closed bool
}

// New returns a guard. It kills the processes that a program leaves behind. With leaveChildren it does so only if the program
// was killed.
func New(leaveChildren bool) *Guard { return &Guard{leaveChildren: leaveChildren} }

// connect returns the link to the guard process, and starts one if there is none.
func (g *Guard) connect() (*link, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	if g.link != nil && !g.link.closed() {
		return g.link, nil
	}
	l, err := start(g.leaveChildren)
	if err != nil {
		return nil, fmt.Errorf("start the guard process: %w", err)
	}
	g.link = l
	return l, nil
}

// Close kills the running programs and waits until the guard process has ended, or ctx ends. Then the error names the process.
func (g *Guard) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	l := g.link
	g.mu.Unlock()
	if l == nil {
		return nil
	}
	l.close()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the guard process %d has not ended, because its programs have not: %w", l.process.Process.Pid, context.Cause(ctx))
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
	gone    bool // the process has ended: there are no more replies
}

// start executes this program once more, as a guard process. Its environment has only its mode: it needs no secrets, and each
// request has the environment of its program.
func start(leaveChildren bool) (*link, error) {
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
		return nil, errors.Join(errors.New("a pair of sockets is not of type Unix"), made.Close())
	}
	mode := modeKill
	if leaveChildren {
		mode = modeLeave
	}
	l := &link{conn: conn, closing: sync.OnceValue(conn.Close), ended: make(chan struct{}), waiting: map[uint64]chan<- reply{}}
	l.process = &exec.Cmd{
		Path: self, Args: []string{filepath.Base(os.Args[0]) + ": guard of programs"},
		Env: []string{variable + "=" + mode, "GOMAXPROCS=2"}, Stderr: os.Stderr,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := l.process.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go l.listen()
	return l, nil
}

// listen passes on replies until the guard process has ended.
func (l *link) listen() {
	for replies := json.NewDecoder(l.conn); ; {
		var r reply
		if replies.Decode(&r) != nil {
			break
		}
		l.mu.Lock()
		if to := l.waiting[r.ID]; to != nil {
			to <- r // has room for one, and only one comes
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
	l.close()
	_ = l.process.Wait() // how it ended changes nothing
	close(l.ended)
}

// close closes the socket, which ends the guard process.
func (l *link) close() { _ = l.closing() }

func (l *link) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// expect returns the number of the next program and the channel of its reply. The channel is closed if no reply will come.
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

// send sends a request. It fails if the guard process has ended; then the channel of the reply is closed, too.
func (l *link) send(r request) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	return send(l.conn, r)
}
