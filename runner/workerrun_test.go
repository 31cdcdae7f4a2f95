package runner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// dispatchPart is a part that can be dispatched to.
type dispatchPart struct{ *part }

func (d dispatchPart) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	for _, tx := range batch {
		d.journal.addf("dispatch %s to %s", tx.ID(), d.name)
	}
	return nil
}

// recordedTask is a task with two services, a source with one transaction and two sinks. All note the calls that are made to
// them.
type recordedTask struct {
	journal                 journal
	airports, energy        *part
	input, letters, tickets *part
	exit                    func(context.Context) error
	config                  ergon.TaskConfig
	process                 func(context.Context, ergon.Transaction) (any, error)
	queue                   *memory.Queue
}

func newRecordedTask(n int) *recordedTask {
	c := &recordedTask{queue: finiteQueue(n)}
	named := func(name string) *part { return &part{journal: &c.journal, name: name} }
	c.airports, c.energy = named("airports"), named("energy")
	c.input, c.letters, c.tickets = named("input"), named("letters"), named("tickets")
	c.process = func(_ context.Context, tx ergon.Transaction) (any, error) {
		c.journal.addf("process %s", tx.ID())
		return "done", nil
	}
	c.config = configure("triage", nil, func(d *ergon.Dependencies) ergon.Task {
		c.journal.addf("make task")
		return ergon.Task{
			Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { return c.process(ctx, tx) },
			Exit: func(ctx context.Context) error {
				c.journal.addf("exit")
				if c.exit == nil {
					return nil
				}
				return c.exit(ctx)
			},
		}
	})
	c.config.Services["energy"] = c.energy.component()
	c.config.Services["airports"] = c.airports.component()
	c.config.Connectors["tickets"] = c.tickets.making(dispatchPart{c.tickets})
	c.config.Connectors["letters"] = c.letters.making(dispatchPart{c.letters})
	c.config.Connectors["input"] = c.input.making(recordedSource{c.queue, c.input})
	return c
}

func (c *recordedTask) run(t *testing.T) error {
	t.Helper()
	_, err := manage(t, runner.Settings{}, c.config).Run(t.Context())
	return err
}

var (
	made   = []string{"make airports", "make energy", "make input", "make letters", "make tickets"}
	opened = []string{"open airports", "open energy", "open input", "open letters", "open tickets", "make task"}
	closed = []string{"close tickets", "close letters", "close input", "close energy", "close airports"}
)

// [E3] Closing goes in the reverse order of opening, services after connectors.
func TestWorkerLivesItsLifeInOrder(t *testing.T) {
	c := newRecordedTask(1)
	if err := c.run(t); err != nil {
		t.Fatal(err)
	}
	c.journal.want(t, slices.Concat(made, opened,
		[]string{"process t0", "exit", "finish input", "finish letters", "finish tickets"}, closed)...)
}

func TestExitCanStillDispatch(t *testing.T) {
	c := newRecordedTask(0)
	c.exit = func(ctx context.Context) error {
		return dispatchPart{c.tickets}.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("total", nil)})
	}
	if err := c.run(t); err != nil {
		t.Fatal(err)
	}
	c.journal.want(t, slices.Concat(made, opened,
		[]string{"exit", "dispatch total to tickets", "finish input", "finish letters", "finish tickets"}, closed)...)
}

var errBroken = errors.New("broken")

func failing(context.Context) error { return errBroken }

// A crash after the sink was finished and before the source was would make the next run replace the result by nothing.
func TestSinksAreFinishedOnlyAfterTheirSource(t *testing.T) {
	c := newRecordedTask(0)
	c.input.onFinish = failing
	err := c.run(t)
	if !errors.Is(err, errBroken) {
		t.Errorf("got error %v, want %v", err, errBroken)
	}
	wantErrorText(t, err, `task "triage": finish connector "input" (part): broken`)
	c.journal.want(t, slices.Concat(made, opened, []string{"exit", "finish input"}, closed)...)
}

func TestSinkThatCannotBeFinishedDoesNotKeepAnotherFromIt(t *testing.T) {
	c := newRecordedTask(0)
	c.letters.onFinish = failing
	wantErrorText(t, c.run(t), `finish connector "letters" (part): broken`)
	c.journal.want(t, slices.Concat(made, opened, []string{"exit", "finish input", "finish letters", "finish tickets"}, closed)...)
}

func TestNothingIsFinishedWithoutANaturalEnd(t *testing.T) {
	for name, set := range map[string]func(*recordedTask){
		"limit reached": func(c *recordedTask) { c.config.Consumer.Loop.Limit = 2 },
		"exit failed":   func(c *recordedTask) { c.exit = failing },
		"loop failed": func(c *recordedTask) {
			broken := memory.WithFaults(c.queue, memory.Fail(memory.OnSettle, nil).Always())
			c.config.Consumer.Settle.Retry.MaxAttempts = 1
			c.config.Connectors["input"] = c.input.making(struct {
				ergon.Fetcher
				capability.Settler
				*part
			}{broken, broken, c.input})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newRecordedTask(2)
			set(c)
			err := c.run(t)
			if limited := name == "limit reached"; limited != (err == nil) {
				t.Errorf("got error %v", err)
			}
			events := c.journal.all()
			if i := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "finish") }); i >= 0 {
				t.Errorf("got %q, want nothing finished", events[i])
			}
			if got := events[len(events)-len(closed):]; !slices.Equal(got, closed) {
				t.Errorf("got at the end %q, want %q", got, closed)
			}
		})
	}
}

// [E3] Partially opened components are closed, too.
func TestFailedOpenClosesWhatIsOpenAndItself(t *testing.T) {
	c := newRecordedTask(1)
	c.letters.onOpen = failing
	err := c.run(t)
	wantErrorText(t, err, `task "triage": open connector "letters" (part): broken`)
	wantExitCode(t, err, 1)
	c.journal.want(t, slices.Concat(made, opened[:4],
		[]string{"close letters", "close input", "close energy", "close airports"})...)
}

func TestClosingGoesOnAfterAFailureAndReportsAll(t *testing.T) {
	c := newRecordedTask(1)
	c.exit, c.tickets.onClose, c.airports.onClose = failing, failing, failing
	err := c.run(t)
	wantErrorText(t, err, "exit of the task: broken", `close connector "tickets" (part): broken`,
		`close service "airports" (part): broken`)
	wantExitCode(t, err, 1)
	c.journal.want(t, slices.Concat(made, opened, []string{"process t0", "exit"}, closed)...)
}

// closeOnly has nothing to open.
type closeOnly struct{ *journal }

func (c closeOnly) Close(context.Context) error {
	c.addf("close bare")
	return nil
}

func TestComponentWithoutOpenIsClosedWhereverOpeningEnded(t *testing.T) {
	c := newRecordedTask(1)
	c.config.Connectors["zone"] = given(closeOnly{&c.journal})
	c.input.onOpen = failing
	wantErrorText(t, c.run(t), "open connector")
	c.journal.want(t, slices.Concat(made, opened[:3],
		[]string{"close bare", "close input", "close energy", "close airports"})...)
}

// All faults are reported at once, before anything runs, whichever task they are of.
func TestNothingRunsBeforeAllFaultsAreReported(t *testing.T) {
	good, bad := newRecordedTask(1), newRecordedTask(1)
	bad.config.Name = "assess"
	bad.config.Connectors["input"] = given(struct{}{})
	bad.config.New = func(d *ergon.Dependencies) ergon.Task {
		ergon.UseService[fmt.Stringer](d, "energy")
		ergon.UseConnector[ergon.Dispatcher](d, "reports")
		return ergon.Task{}
	}
	summary, err := manage(t, runner.Settings{}, good.config, bad.config).Run(t.Context())
	wantErrorText(t, err,
		`task "assess": service "energy" is a *runner_test.part, which is not the fmt.Stringer that the task needs`,
		`task "assess": connector "reports" is not configured; configured are ["input" "letters" "tickets"]`,
		`task "assess": task has no Process function`,
		`task "assess": fetch.connector: "input" is not a source`)
	wantExitCode(t, err, 2)
	if n := strings.Count(err.Error(), "\n"); n != 3 {
		t.Errorf("got %d lines, want 4:\n%v", n+1, err)
	}
	good.journal.want(t, slices.Concat(made, opened, closed)...)
	if len(summary.Tasks) != 2 || summary.Tasks[0].Err != nil || summary.Tasks[1].Err == nil {
		t.Errorf("got summary %+v, want the fault at the second task only", summary)
	}
}

func TestAllComponentsThatCannotBeMadeAreReported(t *testing.T) {
	c := newRecordedTask(1)
	c.config.Services["airports"] = ergon.Component{Type: "table", New: func() (any, error) { return nil, errBroken }}
	c.config.Connectors["tickets"] = ergon.Component{New: func() (any, error) { return nil, nil }}
	err := c.run(t)
	wantErrorText(t, err, `task "triage": make service "airports" (table): broken`,
		`task "triage": make connector "tickets": its Component.New returned nil`)
	wantExitCode(t, err, 2)
	c.journal.want(t, "make energy", "make input", "make letters")
}

func TestFaultThatAllWorkersHaveIsReportedOnce(t *testing.T) {
	c := newRecordedTask(1)
	c.config.Workers.Count = 3
	c.config.New = func(d *ergon.Dependencies) ergon.Task {
		d.Fault(errBroken)
		return processor(nil)(d)
	}
	if err := c.run(t); err == nil || err.Error() != `task "triage": broken` {
		t.Errorf("got error %v, want it once", err)
	}
}

// What crashes outside of the loop becomes an error that names it, and everything else is closed as ever.
func TestCrashOutsideOfTheLoopIsAnErrorThatNamesItsPlace(t *testing.T) {
	boom := func(context.Context) error { panic("boom") }
	vanish := func(context.Context) error {
		runtime.Goexit()
		return nil
	}
	for name, c := range map[string]struct {
		set  func(*recordedTask)
		want string
	}{
		"make component": {
			func(c *recordedTask) {
				c.config.Services["energy"] = ergon.Component{Type: "table", New: func() (any, error) { panic(errBroken) }}
			},
			`make service "energy" (table): panic: broken`,
		},
		"open":   {func(c *recordedTask) { c.tickets.onOpen = boom }, `open connector "tickets" (part): panic: boom`},
		"goexit": {func(c *recordedTask) { c.tickets.onOpen = vanish }, `open connector "tickets" (part): it ended its goroutine`},
		"make task": {
			func(c *recordedTask) { c.config.New = func(*ergon.Dependencies) ergon.Task { panic([]byte("secret")) } },
			`make the task: panic: a value of type []uint8`,
		},
		"exit":   {func(c *recordedTask) { c.exit = boom }, `exit of the task: panic: boom`},
		"finish": {func(c *recordedTask) { c.input.onFinish = boom }, `finish connector "input" (part): panic: boom`},
		"close":  {func(c *recordedTask) { c.tickets.onClose = vanish }, `close connector "tickets" (part): it ended its goroutine`},
		"lease": {
			func(c *recordedTask) {
				c.config.Connectors["input"] = c.input.making(panickingLease{recordedSource{c.queue, c.input}})
			},
			`connector "input" does not say how long its leases are: LeaseDuration of runner_test.panickingLease: panic: no lease`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			recordedTask := newRecordedTask(1)
			c.set(recordedTask)
			err := recordedTask.run(t)
			wantErrorText(t, err, `task "triage": `+c.want)
			wantExitCode(t, err, 1)
			opened := 0
			for _, e := range recordedTask.journal.all() {
				switch {
				case strings.HasPrefix(e, "open"):
					opened++
				case strings.HasPrefix(e, "close"):
					opened--
				}
			}
			if opened != 0 {
				t.Errorf("got %d more opened than closed: %q", opened, recordedTask.journal.all())
			}
		})
	}
}

type panickingLease struct{ recordedSource }

func (panickingLease) LeaseDuration() time.Duration { panic("no lease") }

func (panickingLease) ExtendLeases(context.Context, []ergon.Transaction) error { return nil }

func TestTaskThatFailsDoesNotStopTheOthers(t *testing.T) {
	broken, sound := newRecordedTask(1), newRecordedTask(3)
	broken.config.Name = "broken"
	broken.input.onOpen = failing
	summary, err := manage(t, runner.Settings{}, broken.config, sound.config).Run(t.Context())
	wantErrorText(t, err, `task "broken": open connector "input" (part): broken`)
	if got := summary.Tasks[1]; got.Err != nil || got.Snapshot.Outcomes[runner.Succeeded] != 3 {
		t.Errorf("got %+v of the sound task, want 3 succeeded", got)
	}
	if got := summary.Tasks[0]; got.Name != "broken" || !errors.Is(got.Err, errBroken) {
		t.Errorf("got %+v of the broken task, want its error", got)
	}
}

func TestWorkerThatFailsDoesNotStopTheOthers(t *testing.T) {
	queue := finiteQueue(10)
	cfg := configure("triage", nil, processor(nil))
	made := 0
	cfg.Workers.Count = 2
	var mu sync.Mutex
	cfg.Connectors["input"] = ergon.Component{New: func() (any, error) {
		mu.Lock()
		defer mu.Unlock()
		made++
		if made == 1 {
			return fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) { return nil, errBroken }), nil
		}
		return queue, nil
	}}
	summary, err := manage(t, runner.Settings{}, cfg).Run(t.Context())
	wantErrorText(t, err, `worker "triage-`, `fetch from connector "input": `, "broken")
	wantExitCode(t, err, 1)
	if got := summary.Tasks[0].Snapshot.Outcomes[runner.Succeeded]; got != 10 {
		t.Errorf("got %d succeeded, want 10 from the other worker", got)
	}
}

func TestEachWorkerHasComponentsOfItsOwn(t *testing.T) {
	var j journal
	cfg := configure("triage", nil, func(d *ergon.Dependencies) ergon.Task {
		j.addf("uses %p", ergon.UseService[*part](d, "energy"))
		return processor(nil)(d)
	})
	cfg.Workers.Count = 3
	cfg.Connectors["input"] = ergon.Component{New: func() (any, error) { return finiteQueue(1), nil }}
	cfg.Services["energy"] = ergon.Component{New: func() (any, error) { return &part{journal: new(journal)}, nil }}
	summary, err := manage(t, runner.Settings{}, cfg).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	uses := j.all()
	slices.Sort(uses)
	if n := len(slices.Compact(uses)); n != 3 {
		t.Errorf("got %d different services, want 3", n)
	}
	if got := summary.Tasks[0].Snapshot.Outcomes[runner.Succeeded]; got != 3 {
		t.Errorf("got %d succeeded over all workers, want 3", got)
	}
}

func TestDeadLettersGoToTheConnectorThatThePolicyNames(t *testing.T) {
	c := newRecordedTask(1)
	c.config.Consumer.Loop.OnException, c.config.Consumer.Loop.DeadLetter = policy.OnExceptionDeadLetter, "letters"
	c.process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errBroken) }
	if err := c.run(t); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(c.journal.all(), "dispatch t0 to letters") {
		t.Errorf("got %q, want t0 dispatched to letters", c.journal.all())
	}
}

func TestDeadLettersThatTheSourceKeepsGoToNoConnectorOfThatName(t *testing.T) {
	c := newRecordedTask(1)
	c.config.Connectors["source"] = c.letters.making(dispatchPart{c.letters})
	c.config.Consumer.Loop.OnException, c.config.Consumer.Loop.DeadLetter = policy.OnExceptionDeadLetter, policy.DeadLetterSource
	c.process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errBroken) }
	if err := c.run(t); err != nil {
		t.Fatal(err)
	}
	if got := c.queue.Rejected(); len(got) != 1 {
		t.Errorf("got %d rejected, want 1; %q", len(got), c.journal.all())
	}
}
