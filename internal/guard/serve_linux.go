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
	// Its values: what the guard does with the children that a program leaves behind.
	modeKill  = "kill"
	modeLeave = "leave"
	// socket is the guard's end of the socket.
	socket = 3
	// marker is the variable that says to which program a descendant belongs.
	marker = "ERGON_RUN"

	prSetChildSubreaper = 36
)

// The guard takes over before main begins, which is the user's and may open files, listen or print. No other code runs in every
// program that imports this package.
func init() { //nolint:gochecknoinits // decision 0060
	if mode := os.Getenv(variable); mode != "" {
		syscall.Exit(serve(mode)) // not os.Exit: the race detector would wait for a second
	}
}

// serve runs a guard process, and returns its exit code.
func serve(mode string) int {
	conn, err := inherited()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s is set, but this process was not started as a guard (%v); unset the variable\n", variable, err)
		return 2
	}
	children := make(chan os.Signal, 1) // one pending signal stands for all
	signal.Notify(children, syscall.SIGCHLD)
	// A signal that ends the worker must not end the guard. It is caught, not ignored, because programs would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// If this fails, orphans are not found; programs can be started all the same.
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0) //nolint:errcheck // nothing else is to be done without it
	s := &server{
		replies: json.NewEncoder(conn), leaveChildren: mode == modeLeave, descendants: newDescendants(),
		running: map[int]*run{}, killed: map[string]bool{},
	}
	requests := make(chan request)
	go listen(conn, requests)
	for s.requests = requests; s.requests != nil || s.remaining > 0; {
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

// server is the guard's end of the socket. One goroutine owns it, and both starts and reaps, so that no exit code is lost.
type server struct {
	replies       *json.Encoder
	requests      <-chan request // nil: the worker has ended
	leaveChildren bool
	descendants   descendants

	running   map[int]*run    // by process id
	killed    map[string]bool // with leaveChildren: markers of programs that were killed and have descendants left
	remaining int             // programs and orphans that have not ended, as of the last killOrphans
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
		s.killOrphans()
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

// kill kills the process group of a program. Descendants that left the group become orphans, see killOrphans.
func (s *server) kill(r *run) {
	if s.leaveChildren {
		s.killed[r.marker] = true
	}
	_ = syscall.Kill(-r.pid, syscall.SIGKILL)
}

// reap takes the exit codes of all programs that have ended, kills their orphans, and then replies.
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
	s.killOrphans()
	for _, r := range ended {
		s.reply(r)
	}
}

// reply cannot fail in a way that listen does not see.
func (s *server) reply(r reply) { _ = s.replies.Encode(r) } //nolint:errchkjson // the worker has gone
