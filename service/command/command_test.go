//go:build unix

package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/service/command"
)

// TestMain makes the test's binary the program that is run: its first argument says what it does.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("ERGON_TRANSACTION_ID") != "":
		syscall.Exit(program(os.Args[1], os.Args[2:])) // not os.Exit, with which the race detector waits for a second
	case os.Getenv(asWorker) != "":
		os.Exit(work(strings.Fields(os.Getenv(asWorker))))
	}
	os.Exit(m.Run())
}

// asWorker, in the environment, makes the test's binary a worker that runs the program with these arguments.
const asWorker = "ERGON_TEST_WORKER"

func work(args []string) int {
	c := command.DefaultConfig()
	c.Argv = append([]string{os.Args[0]}, args...)
	made, err := command.New(c, nil)
	if err != nil {
		return 1
	}
	_, _ = made.Call(context.Background(), ergon.NewTransaction("t-1", nil), nil)
	return 0
}

func program(what string, args []string) int {
	switch what {
	case "upper":
		text, _ := io.ReadAll(os.Stdin)
		_, _ = os.Stdout.Write(bytes.ToUpper(text))
	case "exit":
		fmt.Fprint(os.Stderr, args[1])
		code, _ := strconv.Atoi(args[0])
		return code
	case "env":
		for _, name := range args {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
		}
	case "environment":
		all := os.Environ()
		slices.Sort(all)
		fmt.Println(strings.Join(all, "\n"))
	case "repeat": // the payload, in its complaint
		text, _ := io.ReadAll(os.Stdin)
		fmt.Fprintf(os.Stderr, "cannot read\n\t%s\x1b[31m", text)
		return 1
	case "print":
		size, _ := strconv.Atoi(args[0])
		_, _ = os.Stdout.Write(bytes.Repeat([]byte("x"), size))
	case "flood":
		for line := bytes.Repeat([]byte("x"), 1<<16); ; {
			if _, err := os.Stdout.Write(line); err != nil {
				return 0
			}
		}
	case "hang": // until the other end of the socket is closed, or somebody kills it
		connection, _ := net.Dial("unix", args[0]) //nolint:noctx // it has nothing that could end it
		if connection == nil {
			return 1
		}
		if len(args) > 1 {
			os.NewFile(readyPipe, args[1]).Close()
		}
		_, _ = io.Copy(connection, connection) // it answers as long as it is there
	case "leave": // a child that hangs and holds the output
		var env []string
		if slices.Contains(args, "unmarked") {
			env = []string{"ERGON_TRANSACTION_ID=t-1"}
		}
		if !leave(env, nil, "hang", args[0], "ready") {
			return 1
		}
		fmt.Print("left")
		if len(args) > 1 { // and wait for it
			never()
		}
	case "daemon": // a child that leaves what hangs, in a session of its own, and ends: nothing leads from that to this program
		var env []string
		if slices.Contains(args, "unmarked") {
			env = []string{"ERGON_TRANSACTION_ID=t-1"}
		}
		if !leave(env, &syscall.SysProcAttr{Setsid: true}, "between", args[0]) {
			return 1
		}
		fmt.Print("left")
		if slices.Contains(args, "waits") {
			never()
		}
	case "between":
		next := exec.Command(os.Args[0], "hang", args[0], "ready") //nolint:noctx // it is to stay
		next.Stdout, next.ExtraFiles = os.Stdout, []*os.File{os.NewFile(readyPipe, "ready")}
		if err := next.Start(); err != nil {
			return 1
		}
	case "die":
		process, _ := os.FindProcess(os.Getpid())
		_ = process.Kill()
		never()
	}
	return 0
}

// readyPipe is closed by what hangs once it is connected.
const readyPipe = 3

// leave starts this program once more, to play another part, and waits until that, or what it leaves in its turn, is connected.
func leave(env []string, attributes *syscall.SysProcAttr, args ...string) bool {
	end, held, err := os.Pipe()
	if err != nil {
		return false
	}
	child := exec.Command(os.Args[0], args...) //nolint:noctx // it is to stay
	child.Stdout, child.Env, child.ExtraFiles, child.SysProcAttr = os.Stdout, env, []*os.File{held}, attributes
	if err := child.Start(); err != nil {
		return false
	}
	held.Close()
	_, err = end.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func never() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	for range signals {
	}
}

// run calls the program that this binary is.
func run(ctx context.Context, t *testing.T, change func(*command.Config), args ...string) ([]byte, error) {
	t.Helper()
	return runWith(ctx, t, change, nil, args...)
}

func runWith(ctx context.Context, t *testing.T, change func(*command.Config), logger *slog.Logger, args ...string) ([]byte, error) {
	t.Helper()
	c := command.DefaultConfig()
	c.Argv = append([]string{os.Args[0]}, args...)
	if change != nil {
		change(&c)
	}
	made := newCommand(t, c, logger)
	tx := ergon.NewTransaction("t-1", nil).WithMetadata("order.key", "k\x007").WithDelivery(ergon.Delivery{Count: 3})
	return made.Call(ctx, tx, []byte("a payload"))
}

func newCommand(t *testing.T, c command.Config, logger *slog.Logger) *command.Command {
	t.Helper()
	made, err := command.New(c, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeInTime(t, made) })
	return made
}

// closeInTime wants a command to close; one that is known to be faulty already is not waited for.
func closeInTime(t *testing.T, c *command.Command) {
	t.Helper()
	bound := dead
	if t.Failed() {
		bound = time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bound)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestResultIsWhatTheProgramPrints(t *testing.T) {
	got, err := run(t.Context(), t, nil, "upper")
	if err != nil || string(got) != "A PAYLOAD" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestProgramThatReadsNothingSucceeds(t *testing.T) {
	if got, err := run(t.Context(), t, nil, "exit", "0", "all is well"); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

// [R2]
func TestExitCodeSaysWhoseFaultItIs(t *testing.T) {
	for code, want := range map[string]struct {
		category ergon.Category
		message  string
	}{
		"1":  {ergon.CategorySystem, "exit code 1: no such customer"},
		"64": {ergon.CategorySystem, "exit code 64: no such customer"},
		"65": {ergon.CategoryBusiness, "exit code 65: no such customer"},
		"66": {ergon.CategorySystem, "exit code 66: no such customer"},
		"75": {ergon.CategorySystem, "exit code 75: no such customer"},
	} {
		_, err := run(t.Context(), t, nil, "exit", code, "no such\ncustomer")
		if err == nil || err.Error() != want.message || ergon.CategoryOf(err) != want.category {
			t.Errorf("exit code %s is %v %v, want %v %s", code, ergon.CategoryOf(err), err, want.category, want.message)
		}
	}
	_, err := run(t.Context(), t, nil, "die")
	if err == nil || err.Error() != "the program was ended by signal: killed" || ergon.CategoryOf(err) != ergon.CategorySystem {
		t.Errorf("a signal is %v %v", ergon.CategoryOf(err), err)
	}
}

func TestProgramIsToldAboutItsTransaction(t *testing.T) {
	names := []string{"ERGON_TRANSACTION_ID", "ERGON_ATTEMPT", "ERGON_DELIVERY_COUNT", "ERGON_META_ORDER_KEY", "MORE"}
	more := func(c *command.Config) { c.Env = map[string]string{"MORE": "more"} }
	got, err := run(t.Context(), t, more, append([]string{"env"}, names...)...)
	if err != nil {
		t.Fatal(err)
	}
	want := "ERGON_TRANSACTION_ID=t-1\nERGON_ATTEMPT=1\nERGON_DELIVERY_COUNT=3\nERGON_META_ORDER_KEY=k7\nMORE=more\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// [F5] Whatever else is in Ergon's environment may be a secret.
func TestProgramSeesOfTheEnvironmentWhatItNeedsAndWhatIsListed(t *testing.T) {
	for name, value := range map[string]string{
		"HOME": "/home/h", "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "TMPDIR": "/tmp", "TOKEN": "secret", "OUR_CLOUD_A": "a", "OUR_CLOUD_B": "b",
		"ERGON_EXECUTION_ID": "e",
	} {
		t.Setenv(name, value)
	}
	always := []string{
		"ERGON_ATTEMPT=1", "ERGON_DELIVERY_COUNT=3", "ERGON_IDEMPOTENCY_KEY=t-1", "ERGON_META_ORDER_KEY=k7", "ERGON_TRANSACTION_ID=t-1",
		"HOME=/home/h", "LANG=C", "LC_ALL=C", "PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp", "TZ=UTC",
	}
	for name, c := range map[string]struct {
		change func(*command.Config)
		more   []string
	}{
		"by default": {nil, nil},
		"listed":     {func(c *command.Config) { c.EnvPass = []string{"OUR_CLOUD_*", "NOT_SET"} }, []string{"OUR_CLOUD_A=a", "OUR_CLOUD_B=b"}},
		"set":        {func(c *command.Config) { c.Env = map[string]string{"HOME": "/", "TOKEN": "t"} }, []string{"HOME=/", "TOKEN=t"}},
		"set and listed": {func(c *command.Config) {
			c.Env, c.EnvPass = map[string]string{"TOKEN": "t"}, []string{"TOKEN"}
		}, []string{"TOKEN=t"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := run(t.Context(), t, c.change, "environment")
			if err != nil {
				t.Fatal(err)
			}
			want := append(slices.Clone(always), c.more...)
			if slices.Contains(c.more, "HOME=/") {
				want = slices.DeleteFunc(want, func(v string) bool { return v == "HOME=/home/h" })
			}
			slices.Sort(want)
			seen := slices.DeleteFunc(strings.Fields(string(got)), func(v string) bool {
				return strings.HasPrefix(v, "ERGON_RUN=") || strings.HasPrefix(v, "GOCOVERDIR=")
			})
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
		})
	}
	everything := func(c *command.Config) { c.EnvPass = []string{"*"} }
	if got, err := run(t.Context(), t, everything, "env", "TOKEN"); err != nil || string(got) != "TOKEN=secret\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestProgramWorksInItsFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.Symlink(executable(t), filepath.Join(folder, "price")); err != nil {
		t.Fatal(err)
	}
	inFolder := func(c *command.Config) { c.Dir, c.Argv[0] = folder, "./price" }
	if got, err := run(t.Context(), t, inFolder, "upper"); err != nil || string(got) != "A PAYLOAD" {
		t.Errorf("got %q, %v", got, err)
	}
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProgramThatIsNotThereIsRefusedAtOnce(t *testing.T) {
	c := command.DefaultConfig()
	c.Argv = []string{"no-such-program"}
	_, err := command.New(c, nil)
	const want = `argv: the program "no-such-program" cannot be run: executable file not found in $PATH; ` +
		"give its path, or install it where PATH leads"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestResultIsBounded(t *testing.T) {
	limit := func(c *command.Config) { c.MaxOutputBytes = 100_000 }
	if got, err := run(t.Context(), t, limit, "print", "100000"); err != nil || len(got) != 100_000 {
		t.Errorf("at the bound: %d bytes, %v", len(got), err)
	}
	for _, args := range [][]string{{"print", "100001"}, {"flood"}} {
		_, err := run(t.Context(), t, limit, args...)
		const want = "the program was killed because it printed too much: more than max_output_bytes, which is 100000"
		if err == nil || err.Error() != want {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
		var permanent interface{ IsPermanent() bool }
		if !errors.As(err, &permanent) || !permanent.IsPermanent() {
			t.Errorf("%v: it would be tried again", args)
		}
	}
}

// witness is a socket that a program connects to; gone returns when that program has ended.
func witness(t *testing.T) (path string, connected chan net.Conn) {
	t.Helper()
	folder, err := os.MkdirTemp("", "ergon") //nolint:usetesting // the path of a socket is short, that of t.TempDir is not
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path = filepath.Join(folder, "s")
	listener, err := net.Listen("unix", path) //nolint:noctx // it listens at once
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connected = make(chan net.Conn, 1)
	go func() {
		if connection, err := listener.Accept(); err == nil {
			connected <- connection
		}
	}()
	return path, connected
}

const (
	// late is far longer than any of these programs takes to begin, on a loaded machine too.
	late = 30 * time.Second
	// dead is far longer than any of them takes to be killed.
	dead = 5 * time.Second
)

// arrived is the connection of what a program has started.
func arrived(t *testing.T, connected chan net.Conn) net.Conn {
	t.Helper()
	select {
	case connection := <-connected:
		if err := connection.SetDeadline(time.Now().Add(late)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		return connection
	case <-time.After(late):
		t.Fatal("nothing has connected")
		return nil
	}
}

func gone(t *testing.T, connection net.Conn) {
	t.Helper()
	if err := connection.SetDeadline(time.Now().Add(dead)); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF: the program is no more", err)
	}
}

// [T1]
func TestProgramIsKilledWithAllThatItStartedWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"itself": {"hang"}, "what it started": {"leave", "waits"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, connected := witness(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := run(ctx, t, nil, append([]string{args[0], path}, args[1:]...)...)
				done <- err
			}()
			connection := arrived(t, connected)
			cancel(ergon.ErrAttemptTimeout)
			err := <-done
			if err == nil || err.Error() != "the program was killed: attempt timeout" || ergon.CategoryOf(err) != ergon.CategoryTimeout {
				t.Errorf("got %v", err)
			}
			gone(t, connection)
		})
	}
}

// [F5] What is left holds the output, which is the result.
func TestExitCodeZeroIsSuccessWhateverIsLeftBehind(t *testing.T) {
	path, connected := witness(t)
	got, err := run(t.Context(), t, nil, "leave", path)
	if err != nil || string(got) != "left" {
		t.Errorf("got %q, %v", got, err)
	}
	gone(t, arrived(t, connected))
}

func TestWhatAProgramSaysIsBoundedAndNeverThePayload(t *testing.T) {
	_, err := run(t.Context(), t, nil, "repeat")
	if want := "exit code 1: cannot read [payload] [31m"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for limit, want := range map[int]string{
		0: "exit code 1", 4: "exit code 1: … def.", 6: "exit code 1: … bcdef.", 7: "exit code 1: abcdef.",
	} {
		_, err := run(t.Context(), t, func(c *command.Config) { c.MaxStderrBytes = limit }, "exit", "1", "abcdef.")
		if err == nil || err.Error() != want {
			t.Errorf("with %d bytes: got %v, want %s", limit, err, want)
		}
	}
	_, err = run(t.Context(), t, func(c *command.Config) { c.Stderr = command.StderrDiscard }, "exit", "65", "abc")
	if err == nil || err.Error() != "exit code 65" {
		t.Errorf("discarded, but got %v", err)
	}
}

func TestWhatAProgramSaysIsLoggedByLinesWhereThatIsWanted(t *testing.T) {
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	log := func(c *command.Config) { c.Stderr, c.MaxStderrBytes = command.StderrLog, 9 }
	if _, err := runWith(t.Context(), t, log, logger, "exit", "1", "one\n\ntwo\nthree"); err == nil || err.Error() != "exit code 1" {
		t.Errorf("got %v, want an error without what was logged", err)
	}
	want := "level=INFO msg=\"program says\" text=one\nlevel=INFO msg=\"program says\" text=two\n"
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestConfigReportsAllItsFaults(t *testing.T) {
	c := command.Config{
		Argv: []string{"", "a\x00"}, Env: map[string]string{"A=": "b"}, EnvPass: []string{"A", "A_*", "*_A", ""},
		Stderr: "show", MaxStderrBytes: -1,
	}
	want := []string{
		`argv: has no program, must be a list such as ["python3", "price.py"]`,
		"argv[1]: has a NUL character, which no argument can have",
		`env: has "A=", whose name must not be empty nor have an =, and which must have no NUL character`,
		`env_pass[2]: is "*_A", must be the name of a variable, or a beginning of names with a * at its end`,
		`env_pass[3]: is "", must be the name of a variable, or a beginning of names with a * at its end`,
		"max_output_bytes: is 0, must be from 1 to 1073741824, such as 1048576",
		`stderr: is "show", must be one of ["error" "log" "discard"]`,
		"max_stderr_bytes: is -1, must be from 0 to 1048576, such as 4096",
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("no faults")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
