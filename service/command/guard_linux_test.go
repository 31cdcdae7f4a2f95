package command_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/service/command"
)

// there fails where the other end has gone: it has to answer.
func there(t *testing.T, connection net.Conn) {
	t.Helper()
	answer := make([]byte, 1)
	if _, err := connection.Write([]byte("?")); err != nil {
		t.Errorf("got %v, want it to be there still", err)
	} else if _, err := connection.Read(answer); err != nil || string(answer) != "?" {
		t.Errorf("got %q, %v, want it to be there still", answer, err)
	}
}

// [F5] Twice forked, in a session of its own, and with or without the variable that marks it.
func TestWhatHasLeftTheProcessGroupIsKilledAtTheEndOfTheAttempt(t *testing.T) {
	t.Parallel()
	for _, marked := range []string{"marked", "unmarked"} {
		for _, end := range []string{"ends well", "waits"} {
			t.Run(marked+", "+end, func(t *testing.T) {
				t.Parallel()
				path, connected := witness(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				done := make(chan error, 1)
				go func() {
					_, err := run(ctx, t, nil, "daemon", path, marked, end)
					done <- err
				}()
				connection := arrived(t, connected)
				if end == "waits" {
					there(t, connection)
					cancel(ergon.ErrAttemptTimeout)
				}
				if err := <-done; (err == nil) != (end == "ends well") {
					t.Errorf("got %v", err)
				}
				gone(t, connection)
			})
		}
	}
}

// [F5] What a killed program has started is killed in any case, and so is nothing else.
func TestWhatIsLeftStaysWhereTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	c := command.DefaultConfig()
	c.LeaveChildren = true
	calls := make(map[string]func(ctx context.Context) error)
	connections := map[string]net.Conn{}
	var made []*command.Command
	for _, end := range []string{"ends well", "waits"} {
		path, connected := witness(t)
		c.Argv = []string{os.Args[0], "daemon", path, "marked", end}
		one := newCommand(t, c, nil)
		made = append(made, one)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := one.Call(ctx, ergon.NewTransaction("t-1", nil), nil)
			done <- err
		}()
		connections[end] = arrived(t, connected)
		calls[end] = func(context.Context) error {
			if end == "waits" {
				cancel(ergon.ErrAttemptTimeout)
			}
			return <-done
		}
	}
	if err := calls["ends well"](t.Context()); err != nil {
		t.Error(err)
	}
	if err := calls["waits"](t.Context()); ergon.CategoryOf(err) != ergon.CategoryTimeout {
		t.Errorf("got %v", err)
	}
	gone(t, connections["waits"])
	for _, one := range made {
		closeInTime(t, one)
	}
	there(t, connections["ends well"])
	connections["ends well"].Close() // which ends it
}

// [F5] One guard has both programs; the end of one takes nothing from the other, marked or not.
func TestWhatAnotherProgramHasStartedIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, marked := range []string{"marked", "unmarked"} {
		t.Run(marked, func(t *testing.T) {
			t.Parallel()
			c := command.DefaultConfig()
			c.Argv = []string{"sh", "-c", `case $ERGON_TRANSACTION_ID in long) exec "$0" "$@";; *) (exec sleep 60 >&2 &) ;; esac`}
			path, connected := witness(t)
			c.Argv = append(c.Argv, os.Args[0], "daemon", path, marked, "waits")
			both := newCommand(t, c, nil)
			ctx, cancel := context.WithCancel(t.Context())
			var long sync.WaitGroup
			long.Go(func() { _, _ = both.Call(ctx, ergon.NewTransaction("long", nil), nil) })
			connection := arrived(t, connected)
			for i := range 3 {
				if _, err := both.Call(t.Context(), ergon.NewTransaction(fmt.Sprint(i), nil), nil); err != nil {
					t.Error(err)
				}
			}
			there(t, connection)
			cancel()
			long.Wait()
			gone(t, connection)
		})
	}
}

// [T1] [F5] The process group of a program is killed with it, also what is in it and nobody can tell whose it is: not marked, and perhaps
// of another program that runs since before. That one is left alone.
func TestProcessGroupIsKilledAlthoughAnOlderProgramRuns(t *testing.T) {
	t.Parallel()
	older, olderConnected := witness(t)
	path, connected := witness(t)
	c := command.DefaultConfig()
	c.Argv = []string{
		"sh", "-c", `case $ERGON_TRANSACTION_ID in older) exec "$0" hang "$1";; *) exec "$0" leave "$2" unmarked;; esac`,
		os.Args[0], older, path,
	}
	both := newCommand(t, c, nil)
	olderCtx, endOlder := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _, _ = both.Call(olderCtx, ergon.NewTransaction("older", nil), nil) })
	olderConnection := arrived(t, olderConnected)
	ctx, cancel := context.WithCancelCause(t.Context())
	running.Go(func() { _, _ = both.Call(ctx, ergon.NewTransaction("t-1", nil), nil) })
	connection := arrived(t, connected)
	there(t, connection)
	cancel(ergon.ErrAttemptTimeout)
	gone(t, connection)
	there(t, olderConnection)
	endOlder()
	running.Wait()
	gone(t, olderConnection)
}

// [F5] Killed outright, with no time to say or do anything.
func TestNothingOutlivesAWorkerThatIsKilled(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"hang", "leave waits", "daemon waits marked", "daemon waits unmarked"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			path, connected := witness(t)
			program, rest, _ := strings.Cut(args, " ")
			worker := exec.CommandContext(t.Context(), os.Args[0])
			worker.Env = append(os.Environ(), asWorker+"="+program+" "+path+" "+strings.Replace(rest, "waits", "and\u00a0wait", 1))
			if err := worker.Start(); err != nil {
				t.Fatal(err)
			}
			connection := arrived(t, connected)
			if err := worker.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			gone(t, connection)
			if err := worker.Wait(); err == nil {
				t.Error("the worker had ended by itself")
			}
		})
	}
}

// [F5] Exit codes get lost where two reap: each of these leaves something that ends, and is reaped, at about the same time.
func TestGoodProgramsLookGoodWhateverElseEnds(t *testing.T) {
	c := command.DefaultConfig()
	c.Argv = []string{"sh", "-c", `(exec true &); (exec sleep 60 &); cat`}
	good := newCommand(t, c, nil)
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range 200 {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			want := fmt.Sprintf("payload %d", i)
			got, err := good.Call(t.Context(), ergon.NewTransaction(fmt.Sprint(i), nil), []byte(want))
			if err != nil || string(got) != want {
				t.Errorf("%d: got %q, %v", i, got, err)
			}
		})
	}
	all.Wait()
}

func TestGuardThatIsKilledIsReplaced(t *testing.T) {
	c := command.DefaultConfig()
	c.Argv = []string{"sh", "-c", `case $ERGON_TRANSACTION_ID in kill) kill -9 $PPID;; *) cat;; esac`}
	killer := newCommand(t, c, nil)
	_, err := killer.Call(t.Context(), ergon.NewTransaction("kill", nil), nil)
	if err == nil || err.Error() != "run the program: the guard process has ended" || ergon.CategoryOf(err) != ergon.CategorySystem {
		t.Errorf("got %v", err)
	}
	if got, err := killer.Call(t.Context(), ergon.NewTransaction("next", nil), []byte("alive")); err != nil || string(got) != "alive" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNothingRunsAfterClose(t *testing.T) {
	t.Parallel()
	path, connected := witness(t)
	c := command.DefaultConfig()
	c.Argv = []string{os.Args[0], "daemon", path, "waits"}
	closed := newCommand(t, c, nil)
	done := make(chan error, 1)
	go func() {
		_, err := closed.Call(t.Context(), ergon.NewTransaction("t-1", nil), nil)
		done <- err
	}()
	connection := arrived(t, connected)
	closeInTime(t, closed)
	if err := <-done; err == nil {
		t.Error("a program that was killed has succeeded")
	}
	gone(t, connection)
	_, err := closed.Call(t.Context(), ergon.NewTransaction("t-2", nil), nil)
	if want := "run the program: no program can be started: the guard is closed"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A text that is not UTF-8 is what a program gets.
func TestArgumentsAndVariablesArriveAsTheyAre(t *testing.T) {
	c := command.DefaultConfig()
	c.Argv = []string{"sh", "-c", `printf %s "$1/$ERGON_META_KEY"`, "", "a\xff\nb"}
	exact := newCommand(t, c, nil)
	got, err := exact.Call(t.Context(), ergon.NewTransaction("t-1", nil).WithMetadata("key", "\xfe\""), nil)
	if err != nil || string(got) != "a\xff\nb/\xfe\"" {
		t.Errorf("got %q, %v", got, err)
	}
}
