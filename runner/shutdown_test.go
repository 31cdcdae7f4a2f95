package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

var errStop = errors.New("the test stops it")

// shutdownRun is a task in virtual time, with a grace of 10 s and a force of 4 s, whose handlers the test controls. It is made
// in the bubble.
type shutdownRun struct {
	*recordedTask
	started time.Time
	ctx     context.Context
	stop    func()
	force   chan struct{}
	err     error
	summary runner.Summary
}

func newShutdownRun(t *testing.T, n int) *shutdownRun {
	t.Helper()
	l := &shutdownRun{recordedTask: newRecordedTask(n), started: time.Now(), force: make(chan struct{})}
	l.config.Shutdown.Grace, l.config.Shutdown.Force = 10*time.Second, 4*time.Second
	l.config.Consumer.Loop.Streaming = true
	l.config.Consumer.Process.Retry.Timeout = time.Hour
	l.config.Consumer.Loop.TransactionTimeout = 0
	ctx, cancel := context.WithCancelCause(t.Context())
	l.ctx, l.stop = ctx, func() { cancel(errStop) }
	return l
}

// note writes down when something happened, in whole seconds since the start.
func (l *shutdownRun) note(what string) { l.journal.addf("%s at %s", what, time.Since(l.started)) }

func (l *shutdownRun) run(t *testing.T, s runner.Settings) {
	t.Helper()
	s.Force = l.force
	l.summary, l.err = manage(t, s, l.config).Run(l.ctx)
}

// took wants the whole to have lasted exactly that long.
func (l *shutdownRun) took(t *testing.T, want time.Duration) {
	t.Helper()
	if got := time.Since(l.started); got != want {
		t.Errorf("it took %s, want %s", got, want)
	}
}

// [E3] What is in flight ends within the grace, and the loop with it.
func TestShutdownWaitsForWhatRunsWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		l.process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
			time.Sleep(14*time.Second + 999*time.Millisecond)
			return nil, ctx.Err()
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{})
		l.took(t, 14*time.Second+999*time.Millisecond)
		if l.err == nil || l.err.Error() != errStop.Error() {
			t.Errorf("got error %v, want the cause alone", l.err)
		}
		if got := l.summary.Tasks[0].Snapshot.Outcomes; got[runner.Succeeded] != 1 {
			t.Errorf("got outcomes %v, want 1 succeeded", got)
		}
		if !errors.Is(l.summary.Tasks[0].Err, errStop) {
			t.Errorf("got error %v of the task, want the cause", l.summary.Tasks[0].Err)
		}
	})
}

// [E3] Handlers that respect their context are interrupted exactly at the end of the grace, not before.
func TestShutdownCancelsHandlersAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		l.process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			l.note("cancelled by: " + context.Cause(ctx).Error())
			return nil, ctx.Err()
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{})
		l.took(t, 15*time.Second)
		if !slices.Contains(l.journal.all(), "cancelled by: interrupted by shutdown at 15s") {
			t.Errorf("got %q", l.journal.all())
		}
		wantReleased(t, l.queue)
	})
}

// wantReleased wants the only transaction of a queue given back, unprocessed.
func wantReleased(t *testing.T, q *memory.Queue) {
	t.Helper()
	settled := q.Settlements()
	if len(settled) != 1 || settled[0].Action != policy.SettleRequeue || !settled[0].Interrupted || settled[0].Delay != 0 {
		t.Errorf("got settlements %+v, want the transaction requeued as interrupted, at once", settled)
	}
	if n, err := q.CountTransactions(t.Context()); n != 1 || err != nil {
		t.Errorf("got %d transactions (%v) in the queue, want 1", n, err)
	}
}

// [E3] [S3] A handler that ignores its context is given up after grace and force; its transaction is released, and
// everything is closed in order after that.
func TestShutdownGivesUpHandlersThatIgnoreTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		returned := make(chan struct{})
		l.process = func(context.Context, ergon.Transaction) (any, error) {
			<-returned
			return "late", nil
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{Flush: func(context.Context) error {
			l.note("flush")
			return nil
		}})
		l.took(t, 19*time.Second) // 5 s, grace 10 s, force 4 s
		wantReleased(t, l.queue)
		l.journal.want(t, slices.Concat(made, opened, []string{"exit"}, closed, []string{"flush at 19s"})...)
		if got := l.summary.Tasks[0].Snapshot; got.Outcomes[runner.Interrupted] != 1 || got.Abandoned != 1 {
			t.Errorf("got %+v, want 1 interrupted and abandoned", got)
		}
		close(returned)
		synctest.Wait()
		if n := len(l.queue.Settlements()); n != 1 {
			t.Errorf("got %d settlements after the handler returned, want 1", n)
		}
	})
}

// [E3] The second signal ends grace and force at once.
func TestForceCutsTheShutdownShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		returned := make(chan struct{})
		l.process = func(context.Context, ergon.Transaction) (any, error) {
			<-returned
			return "late", nil
		}
		time.AfterFunc(5*time.Second, l.stop)
		time.AfterFunc(6*time.Second, func() { close(l.force) })
		l.run(t, runner.Settings{})
		l.took(t, 6*time.Second)
		wantReleased(t, l.queue)
		close(returned)
	})
}

// hang ignores its context for good.
func hang(until <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		<-until
		return nil
	}
}

// [E3] There is one deadline for everything: grace 10 s, force 4 s, settlements 4 s, closing 4 s, and 5 s to flush; each
// of what is called at the end has a tenth of a second at least.
func TestShutdownHoldsItsDeadlineWhateverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		forever := make(chan struct{})
		l.process = func(context.Context, ergon.Transaction) (any, error) {
			<-forever
			return "late", nil
		}
		broken := memory.WithFaults(l.queue, memory.Stall(memory.OnSettle, memory.Forever).Always())
		l.config.Connectors["input"] = l.input.making(struct {
			ergon.Fetcher
			capability.Settler
			*part
		}{broken, broken, l.input})
		l.exit = hang(forever)
		for _, p := range []*part{l.airports, l.energy, l.input, l.letters, l.tickets} {
			p.onClose = hang(forever)
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{Flush: hang(forever)})
		const calls = 7 // exit, five times close, flush
		latest := 5*time.Second + (10+4+4+4+5)*time.Second + calls*100*time.Millisecond
		if got := time.Since(l.started); got < 5*time.Second+(10+4+4+4)*time.Second || got > latest {
			t.Errorf("it took %s, want at most %s and all of the budget used", got, latest)
		}
		wantErrorText(t, l.err, errStop.Error(), "exit of the task: it has not returned and is given up: the time to shut down is over",
			`close connector "input" (part): it has not returned`, `close service "airports" (part): it has not returned`)
		close(forever)
	})
}

// What is closed has an equal share of the time that is left, so that one that hangs leaves time for the others.
func TestClosingSharesItsTimeFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		forever := make(chan struct{})
		l.tickets.onClose = hang(forever)
		l.letters.onClose = func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			l.journal.addf("letters have %s", time.Until(deadline))
			<-ctx.Done()
			return context.Cause(ctx)
		}
		l.run(t, runner.Settings{})
		share := 22 * time.Second / 5 // the whole budget, for five that are closed
		rest := (22*time.Second - share - 100*time.Millisecond) / 4
		if want := "letters have " + rest.String(); !slices.Contains(l.journal.all(), want) {
			t.Errorf("got %q, want %q", l.journal.all(), want)
		}
		l.took(t, share+100*time.Millisecond+rest)
		wantErrorText(t, l.err, `close connector "letters" (part): the time to shut down is over`)
		close(forever)
	})
}

// The second signal leaves a second to close and a tenth for each that comes after that.
func TestForceCutsClosingShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		forever := make(chan struct{})
		l.tickets.onClose = hang(forever)
		l.letters.onClose = hang(forever)
		time.AfterFunc(time.Second, func() { close(l.force) })
		l.run(t, runner.Settings{})
		l.took(t, 2*time.Second+2*100*time.Millisecond)
		if events := l.journal.all(); !slices.Equal(events[len(events)-5:], closed) {
			t.Errorf("got %q, want all closed", events)
		}
		close(forever)
	})
}

// A shutdown while a component opens ends it at once; one that ignores that is given up after a second, and closed when
// it opens after all.
func TestShutdownDuringOpenGivesItUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		until := make(chan struct{})
		l.letters.onOpen = hang(until)
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{})
		l.took(t, 6*time.Second)
		wantErrorText(t, l.err, errStop.Error(), `open connector "letters" (part): it has not returned and is given up`)
		before := slices.Concat(made, opened[:4], []string{"close input", "close energy", "close airports"})
		l.journal.want(t, before...)
		close(until)
		synctest.Wait()
		l.journal.want(t, append(before, "close letters")...)
	})
}

func TestShutdownDuringOpenThatHeedsItIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		l.letters.onOpen = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{})
		l.took(t, 5*time.Second)
		if l.err == nil || l.err.Error() != errStop.Error() {
			t.Errorf("got error %v, want the cause alone", l.err)
		}
	})
}

// What opened too late and cannot be closed either is in the log at least.
func TestFailureToCloseWhatOpenedTooLateIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		until := make(chan struct{})
		l.letters.onOpen, l.letters.onClose = hang(until), failing
		time.AfterFunc(5*time.Second, l.stop)
		var log safeLog
		l.run(t, runner.Settings{Logger: log.logger()})
		close(until)
		synctest.Wait()
		want := `level=ERROR msg="component could not be closed" connector=letters error=broken task=triage worker=triage-1`
		if !strings.Contains(log.String(), want) {
			t.Errorf("got log\n%s\nwant in it\n%s", log.String(), want)
		}
	})
}

func TestTaskThatIsNotMadeIsGivenUpAtShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		until := make(chan struct{})
		l.config.New = func(*ergon.Dependencies) ergon.Task {
			<-until
			return ergon.Task{}
		}
		time.AfterFunc(5*time.Second, l.stop)
		l.run(t, runner.Settings{})
		l.took(t, 6*time.Second)
		wantErrorText(t, l.err, errStop.Error(), `task "triage": make the task: it has not returned and is given up`)
		l.journal.want(t, slices.Concat(made, opened[:5], closed)...)
		close(until)
	})
}

func TestOpenThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		until := make(chan struct{})
		l.input.onOpen = hang(until)
		l.run(t, runner.Settings{})
		l.took(t, 5*time.Minute+time.Second)
		wantErrorText(t, l.err, `open connector "input" (part): it has not returned and is given up: not open within 5m0s`)
		wantExitCode(t, l.err, 1)
		close(until)
	})
}

func TestShutdownBeforeTheLoopRunsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 1)
		l.stop()
		l.run(t, runner.Settings{})
		l.took(t, 0)
		l.journal.want(t, made...)
		if l.err == nil || l.err.Error() != errStop.Error() {
			t.Errorf("got error %v, want the cause alone", l.err)
		}
	})
}

// [T4]
func TestLoopTimeoutEndsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		l.config.Connectors["input"] = given(memory.New(memory.Settings{}))
		l.config.Consumer.Loop.Timeout = time.Minute
		l.run(t, runner.Settings{})
		l.took(t, time.Minute)
		if !errors.Is(l.err, ergon.ErrLoopTimeout) {
			t.Errorf("got error %v, want %v", l.err, ergon.ErrLoopTimeout)
		}
		wantExitCode(t, l.err, 1)
	})
}

func TestTelemetryIsFlushedWithinItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		l.config.Consumer.Loop.Streaming = false
		var log safeLog
		l.run(t, runner.Settings{Logger: log.logger(), Flush: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		l.took(t, 5*time.Second)
		if l.err != nil {
			t.Errorf("got error %v, want none: telemetry is no part of the work", l.err)
		}
		if !strings.Contains(log.String(), "telemetry could not be flushed") {
			t.Errorf("got log %q, want the failure in it", log.String())
		}
	})
}
