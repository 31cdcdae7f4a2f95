package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

const (
	// variable makes a process a guard.
	variable = "ERGON_GUARD"
	// Its values: what becomes of what a program leaves behind.
	partKill  = "kill"
	partLeave = "leave"
	// socket is the guard's end of the socket.
	socket = 3
	// marker is the variable by which a descendant is known.
	marker = "ERGON_RUN"

	prSetChildSubreaper = 36
)

// The guard has to take over before main does: that is the user's, and may open, listen or print. There is no other place
// that runs in every program that imports this package.
func init() { //nolint:gochecknoinits // decision 0060
	if part := os.Getenv(variable); part != "" {
		syscall.Exit(serve(part)) // not os.Exit, with which the race detector waits for a second
	}
}

// serve is the life of a guard process; it returns the exit code.
func serve(part string) int {
	conn, err := inherited()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s is set, but nobody started this process as a guard (%v); unset the variable\n", variable, err)
		return 2
	}
	children := make(chan os.Signal, 1) // one that waits stands for all
	signal.Notify(children, syscall.SIGCHLD)
	// What ends its worker is not to end the guard. Caught and not ignored: programs would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// Without it, what has lost its parent is not found; programs are started all the same.
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0) //nolint:errcheck // nothing else is to be done without it
	s := &server{
		replies: json.NewEncoder(conn), leave: part == partLeave, family: newFamily(),
		running: map[int]*run{}, killed: map[string]bool{},
	}
	requests := make(chan request)
	go listen(conn, requests)
	for s.requests = requests; s.requests != nil || s.left > 0; {
		select {
		case r, ok := <-s.requests:
			s.handle(r, ok)
		case <-children:
			s.reap()
		}
	}
	return 0
}

func inherited() (*net.UnixConn, error) {
	file := os.NewFile(socket, "worker")
	defer func() { _ = file.Close() }() // the connection is a copy
	made, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	conn, ok := made.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("file descriptor %d is another socket", socket), made.Close())
	}
	return conn, nil
}

// listen passes requests on until the worker has ended.
func listen(conn *net.UnixConn, to chan<- request) {
	defer close(to)
	for {
		r, err := receive(conn)
		if err != nil {
			_ = closeAll(r.files)
			return
		}
		to <- r
	}
}

// server is the guard's side. One goroutine has all of it: who starts is who reaps, so no exit code gets lost between.
type server struct {
	replies  *json.Encoder
	requests <-chan request // nil: the worker has ended
	leave    bool
	family   family

	running map[int]*run    // by process id
	killed  map[string]bool // markers of those that were killed, with leave, while anything of them is left
	left    int             // how many there are still to go, as of the last sweep
}

// run is one run of a program.
type run struct {
	id     uint64
	pid    int
	marker string
}

func (s *server) handle(r request, open bool) {
	switch {
	case !open:
		s.requests = nil
		for _, running := range s.running {
			s.kill(running)
		}
		s.sweep()
	case r.Kill:
		for _, running := range s.running {
			if running.id == r.ID {
				s.kill(running)
			}
		}
	default:
		s.start(r)
	}
}

func (s *server) start(r request) {
	started := &run{id: r.ID, marker: strconv.Itoa(os.Getpid()) + "." + strconv.FormatUint(r.ID, 10)}
	files := make([]uintptr, len(r.files))
	for i, fd := range r.files {
		files[i] = uintptr(fd)
	}
	pid, err := syscall.ForkExec(string(r.Path), split(r.Args), &syscall.ProcAttr{ //nolint:gosec // what the worker's user configured
		Dir: string(r.Dir), Env: append(split(r.Env), marker+"="+started.marker), Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	_ = closeAll(r.files)
	if err == nil {
		started.pid = pid
		s.running[pid] = started
		return
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		errno = syscall.EINVAL
	}
	s.reply(reply{ID: r.ID, Errno: errno})
}

// kill kills the process group of a program. What has left the group becomes a child of this process by that, and is swept.
func (s *server) kill(r *run) {
	if s.leave {
		s.killed[r.marker] = true
	}
	_ = syscall.Kill(-r.pid, syscall.SIGKILL)
}

// reap takes the exit codes of all that have ended, kills what they have left behind and then tells of them.
func (s *server) reap() {
	var ended []reply
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			break
		}
		if r := s.running[pid]; r != nil {
			delete(s.running, pid)
			ended = append(ended, reply{ID: r.id, Status: status})
		}
	}
	s.sweep()
	for _, r := range ended {
		s.reply(r)
	}
}

// reply cannot fail in a way that listen does not see.
func (s *server) reply(r reply) { _ = s.replies.Encode(r) } //nolint:errchkjson // the worker has gone
