package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postmaster is a running server. A shell stands between it and this process, and ends it when this process is gone: the shell's
// standard input ends then.
type postmaster struct {
	shell *exec.Cmd
	life  io.Closer
	done  chan struct{}
}

// guard starts the server, waits for the end of its standard input and ends the server. Its arguments are the server and those of
// the server.
const guard = `"$@" >>"$ERGON_LOG" 2>&1 </dev/null & server=$!
(while read -r _; do :; done; kill -INT "$server") <&3 2>/dev/null &
wait "$server"`

func startPostmaster(data string, port int, arguments []string) (*postmaster, error) {
	server, err := postgresProgram("postgres")
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	line := append([]string{"-c", guard, "sh", server, "-D", data, "-p", strconv.Itoa(port)}, arguments...)
	shell := asOther(exec.CommandContext(context.Background(), "sh", line...)) //nolint:gosec // a fixed program
	shell.Dir, shell.ExtraFiles = filepath.Dir(data), []*os.File{reader}
	shell.Env = append(os.Environ(), "ERGON_LOG="+filepath.Join(filepath.Dir(data), "log"))
	p := &postmaster{shell: shell, life: writer, done: make(chan struct{})}
	err = shell.Start()
	err = errors.Join(err, reader.Close())
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	go func() {
		defer close(p.done)
		_ = shell.Wait() // how it ended is in its log
	}()
	return p, nil
}

const askEvery = 20 * time.Millisecond

// ready waits until the server accepts connections.
func (p *postmaster) ready(ctx context.Context, port int) error {
	program, err := postgresProgram("pg_isready")
	if err != nil {
		return err
	}
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		err := exec.CommandContext(ctx, program, "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run() //nolint:gosec // a fixed program
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-p.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// endWithin is the maximum time for the server's end.
const endWithin = 30 * time.Second

// end asks the server to end, rolls back what is in progress and waits for it.
func (p *postmaster) end() error {
	err := p.life.Close()
	late := time.NewTimer(endWithin)
	defer late.Stop()
	select {
	case <-p.done:
		return err
	case <-late.C:
		return errors.Join(err, fmt.Errorf("PostgreSQL did not end within %s", endWithin), p.shell.Process.Kill())
	}
}

// crash kills the server. Its other processes end when they notice.
func (p *postmaster) crash(data string) error {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid")) //nolint:gosec // the server's own
	if err != nil {
		return errors.Join(err, p.end())
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return errors.Join(fmt.Errorf("postmaster.pid: %w", err), p.end())
	}
	server, err := os.FindProcess(pid)
	if err == nil {
		err = server.Kill()
	}
	return errors.Join(err, p.end())
}
