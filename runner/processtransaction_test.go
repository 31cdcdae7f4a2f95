package runner_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

var singleEnd = append([]string{"exit"}, closed...)

// [E5] Everything is opened and closed as for a loop. The source is not called, and nothing is finished.
func TestGivenTransactionIsProcessedByItself(t *testing.T) {
	c := newRecordedTask(3)
	flushed := false
	m := manage(t, runner.Settings{Flush: func(context.Context) error { flushed = true; return nil }}, c.config)
	c.process = func(_ context.Context, tx ergon.Transaction) (any, error) { return "seen " + tx.ID(), nil }
	result, err := m.ProcessTransaction(t.Context(), "triage", ergon.NewTransaction("mine", nil))
	if err != nil || result.Outcome != runner.Succeeded || result.Value != "seen mine" || result.Transaction.ID() != "mine" {
		t.Errorf("got %+v, %v, want mine succeeded", result, err)
	}
	c.journal.want(t, slices.Concat(made, opened, singleEnd)...)
	if n, _ := c.queue.CountTransactions(t.Context()); n != 3 || len(c.queue.Settlements()) != 0 {
		t.Errorf("got %d transactions and %d settlements, want 3 and 0", n, len(c.queue.Settlements()))
	}
	if !flushed {
		t.Error("telemetry was not flushed")
	}
}

// [E4] A failed single transaction is a failure, whatever the exception handler made of it.
func TestGivenTransactionThatFailsIsAnError(t *testing.T) {
	c := newRecordedTask(0)
	c.process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errBroken) }
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransaction(t.Context(), "triage", ergon.NewTransaction("mine", nil))
	if result.Outcome != runner.Failed || !errors.Is(result.Err, errBroken) {
		t.Errorf("got %+v, want it failed because of %v", result, errBroken)
	}
	wantErrorText(t, err, `task "triage": transaction mine: failed: process: BUSINESS: broken`)
	wantExitCode(t, err, 1)
	c.journal.want(t, slices.Concat(made, opened, singleEnd)...)
}

// [E5]
func TestTransactionIsFoundByItsID(t *testing.T) {
	c := newRecordedTask(3)
	c.config.Connectors["input"] = given(c.queue)
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransactionByID(t.Context(), "triage", "t1")
	if err != nil || result.Outcome != runner.Succeeded || result.Transaction.ID() != "t1" {
		t.Errorf("got %+v, %v, want t1 succeeded", result, err)
	}
	if !slices.Contains(c.journal.all(), "process t1") {
		t.Errorf("got %q, want t1 processed", c.journal.all())
	}
	if n, err := c.queue.CountTransactions(t.Context()); n != 2 || c.queue.InFlight() != 0 || err != nil {
		t.Errorf("%d transactions wait and %d are in flight (%v), want 2 and none: t1 is acknowledged", n, c.queue.InFlight(), err)
	}
}

// [E5, S3]
func TestTransactionThatWasFoundAndFailedIsGivenBack(t *testing.T) {
	c := newRecordedTask(3)
	c.config.Connectors["input"] = given(c.queue)
	c.process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errBroken) }
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransactionByID(t.Context(), "triage", "t1")
	if result.Outcome != runner.Failed || !errors.Is(err, errBroken) {
		t.Errorf("got %+v, %v, want t1 failed", result, err)
	}
	if n, err := c.queue.CountTransactions(t.Context()); n != 3 || c.queue.InFlight() != 0 || err != nil {
		t.Errorf("%d transactions wait and %d are in flight (%v), want all 3 and none", n, c.queue.InFlight(), err)
	}
}

func TestTransactionThatTheSourceDoesNotHaveIsNotMadeUp(t *testing.T) {
	c := newRecordedTask(3)
	c.config.Connectors["input"] = ergon.Component{Type: "memory", New: func() (any, error) { return c.queue, nil }}
	c.config.Consumer.Fetch.Retry.MaxAttempts = 3
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransactionByID(t.Context(), "triage", "t7")
	if !errors.Is(err, capability.ErrNotFound) || result.Outcome != runner.Interrupted {
		t.Errorf("got %+v, %v, want %v and nothing run", result, err, capability.ErrNotFound)
	}
	wantErrorText(t, err, `task "triage": connector "input" (memory) has no transaction "t7"`)
	wantExitCode(t, err, 1)
	if slices.Contains(c.journal.all(), "exit") {
		t.Errorf("got %q, want no goodbye: nothing ran", c.journal.all())
	}
}

func TestSourceThatCannotFindByIDIsAMatterOfUsage(t *testing.T) {
	cfg := configure("triage", fetchFunc(nil), processor(nil))
	_, err := manage(t, runner.Settings{}, cfg).ProcessTransactionByID(t.Context(), "triage", "t1")
	wantErrorText(t, err, `connector "input" (given) cannot find a transaction by its id; give the transaction itself`)
	wantExitCode(t, err, 2)
}

// flaky finds a transaction at the second attempt.
type flaky struct {
	*memory.Queue
	calls int
}

func (f *flaky) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	f.calls++
	if f.calls == 1 {
		return ergon.Transaction{}, errBroken
	}
	return f.Queue.FetchTransactionByID(ctx, id)
}

func TestTransactionThatTheSourceDoesNotHaveIsAskedForOnce(t *testing.T) {
	cfg := configure("triage", nil, processor(nil))
	source := &flaky{Queue: finiteQueue(1)}
	cfg.Connectors["input"] = given(source)
	cfg.Consumer.Fetch.Retry.MaxAttempts, cfg.Consumer.Fetch.Retry.Backoff = 5, 0
	_, err := manage(t, runner.Settings{}, cfg).ProcessTransactionByID(t.Context(), "triage", "t7")
	if !errors.Is(err, capability.ErrNotFound) || source.calls != 2 {
		t.Errorf("got %v after %d calls, want %v after one that failed and one that says so", err, source.calls, capability.ErrNotFound)
	}
}

func TestFindingATransactionIsRetriedAsThePolicySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configure("triage", &flaky{Queue: finiteQueue(1)}, processor(nil))
		cfg.Consumer.Fetch.Retry.MaxAttempts = 2
		start := time.Now()
		if _, err := manage(t, runner.Settings{}, cfg).ProcessTransactionByID(t.Context(), "triage", "t0"); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got != cfg.Consumer.Fetch.Retry.Backoff {
			t.Errorf("it took %s, want the backoff of %s", got, cfg.Consumer.Fetch.Retry.Backoff)
		}
	})
}

func TestSingleTransactionOfAnUnknownTask(t *testing.T) {
	m := manage(t, runner.Settings{}, configure("triage", finiteQueue(1), processor(nil)))
	_, err := m.ProcessTransaction(t.Context(), "triag", ergon.NewTransaction("", nil))
	if unknown, ok := errors.AsType[*runner.UnknownTaskError](err); !ok || unknown.Name != "triag" {
		t.Errorf("got error %v, want the unknown task", err)
	}
	wantExitCode(t, err, 2)
}

func TestSingleTransactionReportsFaultsBeforeItRuns(t *testing.T) {
	c := newRecordedTask(0)
	c.config.New = func(d *ergon.Dependencies) ergon.Task {
		d.Fault(errBroken)
		return ergon.Task{}
	}
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransaction(t.Context(), "triage", ergon.NewTransaction("", nil))
	if err == nil || err.Error() != "task \"triage\": broken\ntask \"triage\": task has no Process function; make it with "+
		"ergon.Consume or set ergon.Task.Process" {
		t.Errorf("got error %v", err)
	}
	if result.Outcome != runner.Interrupted {
		t.Errorf("got outcome %s, want interrupted", result.Outcome)
	}
	wantExitCode(t, err, 2)
}

// [E3] [E5] The bounds of the loop hold for a single transaction.
func TestShutdownInterruptsASingleTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShutdownRun(t, 0)
		until := make(chan struct{})
		l.process = func(context.Context, ergon.Transaction) (any, error) {
			<-until
			return "late", nil
		}
		time.AfterFunc(5*time.Second, l.stop)
		result, err := manage(t, runner.Settings{}, l.config).ProcessTransaction(l.ctx, "triage", ergon.NewTransaction("mine", nil))
		l.took(t, 19*time.Second)
		if result.Outcome != runner.Interrupted || result.Transaction.ID() != "mine" || !errors.Is(err, errStop) {
			t.Errorf("got %+v, %v, want mine interrupted by %v", result, err, errStop)
		}
		l.journal.want(t, slices.Concat(made, opened, singleEnd)...)
		close(until)
	})
}

func TestSingleTransactionIsNotRunWhereSomethingCannotBeOpened(t *testing.T) {
	c := newRecordedTask(0)
	c.letters.onOpen = failing
	result, err := manage(t, runner.Settings{}, c.config).ProcessTransaction(t.Context(), "triage", ergon.NewTransaction("", nil))
	if err == nil || err.Error() != `task "triage": open connector "letters" (part): broken` || result.Outcome != runner.Interrupted {
		t.Errorf("got %+v, %v", result, err)
	}
	wantExitCode(t, err, 1)
	c.journal.want(t, slices.Concat(made, opened[:4], closed[1:])...)
}
