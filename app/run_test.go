package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/runner"
)

func TestRunPrintsASummary(t *testing.T) {
	for name, args := range map[string]string{
		"run": "run", "run-one": "run more --limit 7", "run-json": "run square --output json",
		"run-in-order": "run more square --limit 7 --in-order",
	} {
		t.Run(name, func(t *testing.T) {
			in(t, twoTasks)
			words := strings.Fields(args + " --log-level error")
			got := call{args: words}.do(t)
			if got.code != 0 || got.stderr != "" {
				t.Errorf("code %d, want 0; stderr %q, want none", got.code, got.stderr)
			}
			golden(t, name+".txt", timeless(got.script(words)))
		})
	}
}

func TestRunOfATaskThatDoesNotExistSuggestsOne(t *testing.T) {
	in(t, twoTasks)
	got := call{args: []string{"run", "sqare"}}.do(t)
	want := "reckon: unknown task \"sqare\"; did you mean \"square\"? known tasks: square, more\n"
	if got.code != 2 || got.stderr != want || got.stdout != "" {
		t.Errorf("code %d, stdout %q, stderr %q; want 2 and %q", got.code, got.stdout, got.stderr, want)
	}
}

// [C2] What the second step lacks is no reason to have run the first.
func TestStepsAreCheckedBeforeTheFirstRuns(t *testing.T) {
	in(t, twoTasks+"  last: {task: greedy, connectors: {input: {type: numbers}, dead_letters: {type: drain}}}\n")
	got := call{args: strings.Fields("run more last --in-order")}.do(t)
	want := "reckon: task \"last\": service \"calculator\" is not configured; configured are []\n"
	if got.code != 2 || got.stderr != want || got.stdout != "" {
		t.Errorf("code %d, stdout %q, stderr %q; want 2 and %q", got.code, got.stdout, got.stderr, want)
	}
	if got := (call{args: strings.Fields("run more square --in-order --log-level error")}).do(t); got.code != 0 {
		t.Errorf("without it: code %d, stderr %s", got.code, got.stderr)
	}
}

func TestLimitMustBeAtLeastOne(t *testing.T) {
	in(t, twoTasks)
	for _, limit := range []string{"0", "-1", "many"} {
		got := call{args: []string{"run", "--limit", limit}}.do(t)
		if got.code != 2 || !strings.Contains(got.stderr, "limit") || got.stdout != "" {
			t.Errorf("%s: code %d, stderr %q; want 2 and a message", limit, got.code, got.stderr)
		}
	}
}

func TestEpilogueFollowsTheTableOfARunThatCameToItsEnd(t *testing.T) {
	settings := app.Settings{
		Variables: []app.Variable{{Name: "DRAIN", Flag: "drain", Default: "out"}},
		Epilogue: func(w io.Writer, variable func(string) string) {
			fmt.Fprintf(w, "swallowed by %s\n", variable("DRAIN"))
		},
	}
	in(t, twoTasks)
	got := call{settings: settings, args: []string{"run", "more", "--drain", "sea"}}.do(t)
	if !strings.HasSuffix(got.stdout, "\n\nswallowed by sea\n") {
		t.Errorf("stdout %s", got.stdout)
	}
	got = call{settings: settings, args: []string{"run", "more", "--output", "json"}}.do(t)
	if strings.Contains(got.stdout, "swallowed") {
		t.Errorf("with JSON: stdout %s", got.stdout)
	}
	got = call{settings: settings, args: []string{"run", "more"}, signals: interrupted(fmt.Errorf("stopped"))}.do(t)
	if strings.Contains(got.stdout, "swallowed") {
		t.Errorf("of a run that was stopped: stdout %s", got.stdout)
	}
}

// interrupted is a signal that comes before anything else.
func interrupted(cause error) func(context.Context) (context.Context, <-chan struct{}, func()) {
	return func(ctx context.Context) (context.Context, <-chan struct{}, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(cause)
		return ctx, nil, func() {}
	}
}

// [O3] Failures of transactions are logged with their ids, in the format that is asked for.
func TestLogsGoToStandardErrorAsAskedFor(t *testing.T) {
	in(t, twoTasks)
	got := call{args: strings.Fields("run more --limit 7 --log-format json --output json")}.do(t)
	if !strings.HasPrefix(got.stderr, "{") || !strings.Contains(got.stderr, `"transaction_id":"number:7"`) {
		t.Errorf("stderr %s", got.stderr)
	}
	got = call{args: strings.Fields("run more --limit 7")}.do(t)
	if !strings.HasPrefix(got.stderr, "{") {
		t.Errorf("stderr %s, want JSON where it is no terminal", got.stderr)
	}
	got = call{args: strings.Fields("run more --limit 7 --log-format text")}.do(t)
	if !strings.HasPrefix(got.stderr, "time=") || !strings.Contains(got.stderr, " transaction_id=number:7") {
		t.Errorf("stderr %s", got.stderr)
	}
	got = call{args: strings.Fields("run more --limit 7 --log-level error")}.do(t)
	if got.stderr != "" {
		t.Errorf("stderr %s", got.stderr)
	}
}

func TestColorsAreOnlyForTerminalsThatWantThem(t *testing.T) {
	for name, c := range map[string]struct {
		columns int
		env     map[string]string
		args    string
		want    bool
	}{
		"terminal":      {80, nil, "run more", true},
		"no terminal":   {0, nil, "run more", false},
		"NO_COLOR":      {80, map[string]string{"NO_COLOR": "1"}, "run more", false},
		"empty":         {80, map[string]string{"NO_COLOR": ""}, "run more", true},
		"--no-color":    {80, nil, "run more --no-color", false},
		"dumb terminal": {80, map[string]string{"TERM": "dumb"}, "run more", false},
		"list":          {80, nil, "list", true},
	} {
		in(t, twoTasks)
		got := call{args: strings.Fields(c.args), columns: c.columns, env: c.env}.do(t)
		if colored := strings.Contains(got.stdout, "\x1b["); colored != c.want {
			t.Errorf("%s: colors %v, want %v:\n%s", name, colored, c.want, got.stdout)
		}
	}
}

func TestLoggersThatNobodyMadeAreThatOfTheProgram(t *testing.T) {
	in(t, twoTasks)
	var log *slog.Logger
	call{args: strings.Fields("run more --limit 1 --log-level debug"), logger: func(l *slog.Logger) { log = l }}.do(t)
	if log == nil || !log.Enabled(t.Context(), slog.LevelDebug) {
		t.Errorf("the process's logger is %v, want one of the level that was asked for", log)
	}
}

// [E3] A run that is forced to end cancels its handlers at once, and does not wait for the grace of its policy.
func TestForcedRunCancelsItsHandlersAtOnce(t *testing.T) {
	in(t, "tasks: {patient: {connectors: {input: {type: numbers, count: 1}}, consumer: {loop: {on_exception: discard}}}}")
	synctest.Test(t, func(t *testing.T) {
		began, force := make(chan struct{}), make(chan struct{})
		var cancelled time.Duration
		reg := registry()
		reg.Task("patient", func(*ergon.Dependencies) ergon.Task {
			return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				start := time.Now()
				close(began)
				<-ctx.Done()
				cancelled = time.Since(start)
				return nil, ctx.Err()
			}}
		}, "waits for the end of its context")
		got := call{
			settings: app.Settings{Registry: reg}, args: []string{"run"},
			signals: func(ctx context.Context) (context.Context, <-chan struct{}, func()) {
				ctx, end := context.WithCancelCause(ctx)
				go func() {
					<-began
					end(&runner.SignalError{Signal: os.Interrupt})
					close(force)
				}()
				return ctx, force, func() { end(nil) }
			},
		}.do(t)
		if got.code != 130 || cancelled != 0 {
			t.Errorf("code %d, and the handler was cancelled after %s; want 130, at once; stderr %s", got.code, cancelled, got.stderr)
		}
	})
}
