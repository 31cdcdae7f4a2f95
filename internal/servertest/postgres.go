package servertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Postgres is a PostgreSQL server. Its superuser is postgres, without a password; all connections are trusted.
type Postgres struct {
	// Settings are further settings of the server, as "name=value".
	Settings []string
	// Durable makes commits wait for the disk, as a server in production does. Tests do not need it, measurements do.
	Durable bool

	mu      sync.Mutex
	folder  string
	port    int
	process *postmaster // nil while it does not run
}

// startWithin is the maximum time until a server is ready, on a machine that is busy with other tests.
const startWithin = 60 * time.Second

// URL returns the address of the database postgres. It starts the server if it does not run. A test may not run as root without
// another user on the machine: PostgreSQL refuses to.
func (p *Postgres) URL(tb testing.TB) string {
	tb.Helper()
	if err := p.Start(); errors.Is(err, errNotInstalled) {
		missing(tb, err.Error())
	} else if err != nil {
		tb.Fatal(err)
	}
	return p.address()
}

// Port is the port of the server, which it keeps if it is started again. 0 before the first start.
func (p *Postgres) Port() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.port
}

func (p *Postgres) address() string {
	return "postgres://postgres@127.0.0.1:" + strconv.Itoa(p.Port()) + "/postgres?sslmode=disable"
}

// Start starts the server if it does not run, with the data that it had.
func (p *Postgres) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	if p.folder == "" {
		if err := p.create(ctx); err != nil {
			return err
		}
	}
	process, err := startPostmaster(p.data(), p.port, p.arguments())
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := process.ready(ctx, p.port); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL did not become ready: %w\n%s", err, p.log()), process.end())
	}
	if found := foreignListeners(p.port, "/proc/net/tcp", "/proc/net/tcp6"); len(found) > 0 {
		return errors.Join(fmt.Errorf("PostgreSQL listens on %q, must listen on loopback only", found), process.end())
	}
	p.process = process
	return nil
}

func (p *Postgres) data() string { return filepath.Join(p.folder, "data") }

func (p *Postgres) log() string {
	text, _ := os.ReadFile(filepath.Join(p.folder, "log"))
	return string(text)
}

func (p *Postgres) arguments() []string {
	settings := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"}
	if !p.Durable {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	var arguments []string
	for _, setting := range slices.Concat(settings, p.Settings) {
		arguments = append(arguments, "-c", setting)
	}
	return arguments
}

// create makes a folder with an empty database.
func (p *Postgres) create(ctx context.Context) (err error) {
	initdb, err := postgresProgram("initdb")
	if err != nil {
		return err
	}
	if p.port, err = freePort(ctx); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "ergon-postgres-")
	if err != nil {
		return err
	}
	if err := giveTo(folder); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	p.folder = folder
	made := asOther(exec.CommandContext(ctx, initdb, "-A", //nolint:gosec // a fixed program
		"trust", "--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C",
		"-D", p.data()))
	made.Dir = folder
	if output, err := made.CombinedOutput(); err != nil {
		p.folder = ""
		return errors.Join(fmt.Errorf("initdb: %w\n%s", err, output), os.RemoveAll(folder))
	}
	return nil
}

// Kill ends all processes of the server at once, as a crash does. Start starts it again.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return nil
	}
	err := p.process.crash(p.data())
	p.process = nil
	return err
}

// Stop ends the server and removes its folder.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.process != nil {
		err = p.process.end()
		p.process = nil
	}
	if p.folder != "" {
		err = errors.Join(err, os.RemoveAll(p.folder))
		p.folder = ""
	}
	return err
}

var errNotInstalled = errors.New("PostgreSQL is not installed: run scripts/servers, or install postgresql (Debian), " +
	"so that initdb and postgres are in the PATH or below /usr/lib/postgresql")

// postgresProgram finds a program of the server: Debian has them outside of the PATH.
func postgresProgram(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) }), nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", errNotInstalled
}

// versionOf is the number in /usr/lib/postgresql/15/bin/initdb.
func versionOf(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}
