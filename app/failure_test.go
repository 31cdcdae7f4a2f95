package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
)

// unclosable is a service that cannot be closed.
type unclosable struct{}

func (unclosable) Close(context.Context) error { return errors.New("stuck") }

// faultyRegistry has a task for each thing that can go wrong around a transaction.
func faultyRegistry() *config.Registry {
	reg := registry()
	config.Service(reg, "sticky", "does not close", struct{}{}, func(struct{}) (unclosable, error) { return unclosable{}, nil })
	reg.Task("fails", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			return nil, ergon.Business(errors.New("no\nnever"))
		}}
	}, "")
	reg.Task("odd", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return make(chan int), nil }}
	}, "")
	reg.Task("raw", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) { return tx.Payload(), nil }}
	}, "")
	reg.Task("eager", func(d *ergon.Dependencies) ergon.Task {
		panic("the service is not open")
	}, "")
	return reg
}

func one(task, more string) string {
	return "tasks: {" + task + ": {connectors: {input: {type: numbers}, dead_letters: {type: drain}}" + more + "}}"
}

// [E4] All that went wrong is said, the transaction's own failure first.
func TestFailureOfATransactionAndOfClosingAreBothReported(t *testing.T) {
	in(t, one("fails", ", services: {sticky: {type: sticky}}"))
	args := strings.Fields("process-transaction fails --id x --payload-json 1")
	got := call{settings: app.Settings{Registry: faultyRegistry()}, args: args}.do(t)
	want := `reckon: transaction x failed
  task      fails
  category  BUSINESS
  phase     process
  attempts  1
  message   no
            never
reckon: close service "sticky" (sticky): stuck
`
	if got.code != 1 || !strings.HasSuffix(got.stderr, want) || got.stdout != "" {
		t.Errorf("code %d, stdout %q, stderr\n%s\nwant\n%s", got.code, got.stdout, got.stderr, want)
	}
}

func TestResultOfATransactionIsPrintedAlsoWhereClosingFails(t *testing.T) {
	in(t, one("raw", ", services: {sticky: {type: sticky}}"))
	got := call{settings: app.Settings{Registry: faultyRegistry()}, args: strings.Fields("process-transaction raw --payload-json 17")}.do(t)
	if got.code != 1 || got.stdout != "17\n" || !strings.Contains(got.stderr, "stuck") {
		t.Errorf("code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}

func TestResultThatIsNoJSONIsNoFailure(t *testing.T) {
	in(t, one("odd", ""))
	const message = "reckon: transaction x succeeded, but its result cannot be written as JSON: json: unsupported type: chan int\n"
	for args, want := range map[string]string{
		"process-transaction odd --id x --payload-json 1": "",
		"process-transaction odd --id x --payload-json 1 --output json": `{
  "task": "odd",
  "transaction_id": "x",
  "outcome": "succeeded"
}
`,
	} {
		got := call{settings: app.Settings{Registry: faultyRegistry()}, args: strings.Fields(args)}.do(t)
		if got.code != 0 || got.stdout != want || got.stderr != message {
			t.Errorf("%s: code %d, stdout %q, stderr %q", args, got.code, got.stdout, got.stderr)
		}
	}
}

func TestTaskThatCannotBeMadeUnopenedIsANoteOfLint(t *testing.T) {
	in(t, one("eager", ""))
	got := call{settings: app.Settings{Registry: faultyRegistry()}, args: []string{"lint"}}.do(t)
	want := `reckon: note: task "eager": handlers were not checked: ` +
		"the task cannot be created before its connectors and services are open (panic: the service is not open)\n"
	if got.code != 0 || got.stderr != want || !strings.HasPrefix(got.stdout, "ergon.yaml: ok: ") {
		t.Errorf("code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, want)
	}
	got = call{settings: app.Settings{Registry: faultyRegistry()}, args: []string{"lint", "--output", "json"}}.do(t)
	if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, `"notes": [`+"\n    \"task") {
		t.Errorf("as JSON: code %d, stdout %s, stderr %q", got.code, got.stdout, got.stderr)
	}
}

// [E4] A service that the task needs and the configuration lacks is found before anything runs, and no table is printed.
func TestRunOfATaskThatIsPutTogetherWronglyPrintsNoTable(t *testing.T) {
	in(t, one("greedy", ""))
	got := call{args: []string{"run"}}.do(t)
	if got.code != 2 || got.stdout != "" || !strings.Contains(got.stderr, `service "calculator" is not configured`) {
		t.Errorf("code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}

// The stack is in the log, for whoever wrote the constructor; the message has none.
func TestConstructorThatPanicsIsAFailureWithAMessage(t *testing.T) {
	in(t, one("eager", ""))
	got := call{settings: app.Settings{Registry: faultyRegistry()}, args: []string{"run"}}.do(t)
	want := "\nreckon: task \"eager\": make the task: panic: the service is not open\n"
	if got.code == 0 || got.stdout != "" || !strings.HasSuffix(got.stderr, want) {
		t.Errorf("code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}
