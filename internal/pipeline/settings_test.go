package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [C2] What cannot work is refused before anything runs, by a text that says what would.
func TestImpossibleSettingsAreRefused(t *testing.T) {
	nothingBack := fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) { return nil, ergon.ErrExhausted })
	leased := func(d time.Duration) *memory.LeasedQueue { return memory.NewLeased(memory.Settings{}, d) }
	for _, test := range []struct {
		name   string
		change func(s *pipeline.Settings)
		want   []string
	}{
		{
			"no process function", func(s *pipeline.Settings) { s.Handlers = ergon.Task{} },
			[]string{"task has no Process function; make it with ergon.Consume or set ergon.Task.Process"},
		},
		{
			"no source", func(s *pipeline.Settings) {
				s.Source, s.DeadLetters, s.Policy.Loop.DeadLetter = nil, dispatchFunc(nil), "dead_letters"
			},
			[]string{`fetch.connector: "input" is not a source, because it cannot fetch`},
		},
		{
			"no place for dead letters", func(s *pipeline.Settings) { s.Policy.Loop.DeadLetter = "letters" },
			[]string{`loop.dead_letter: "letters" is not a sink; name one`},
		},
		{
			"dead letters at a source that keeps nothing", func(s *pipeline.Settings) { s.Source = nothingBack },
			[]string{`loop.dead_letter: source, but connector "input" cannot keep dead letters; name a connector`},
		},
		{
			"requeue at a source that takes nothing back", func(s *pipeline.Settings) {
				s.Source, s.Policy.Loop.OnException = nothingBack, policy.OnExceptionRequeue
			},
			[]string{`loop.on_exception: requeue, but connector "input" cannot requeue; use dead_letter or discard`},
		},
		{
			"outage at a source that takes nothing back", func(s *pipeline.Settings) {
				s.Source, s.Policy.Loop.OnException, s.Policy.Loop.Outage.After = nothingBack, policy.OnExceptionDiscard, 3
			},
			[]string{`loop.outage: connector "input" cannot requeue, and outage mode requires that; set after to 0`},
		},
		{
			"a lease that cannot be extended in time", func(s *pipeline.Settings) { s.Source = leased(2*time.Second - 1) },
			[]string{`a lease of 1.999999999s, which connector "input" gives, is too short to be extended in time, must be at least 2s; ` +
				"lengthen it, and leave it short: it is extended for as long as an attempt takes"},
		},
		{
			"prefetch above the concurrency with leases", func(s *pipeline.Settings) {
				s.Source, s.Policy.Loop.Batch.Prefetch, s.Policy.Loop.Concurrency.Value = leased(time.Minute), 5, 4
			},
			[]string{
				`loop.batch.prefetch: 5 is more than the 4 that run at once, so ` +
					`leases of connector "input" would be held by transactions that only wait; lower it`,
			},
		},
		{
			"zero limits", func(s *pipeline.Settings) {
				s.Policy.Loop.Concurrency.Value, s.Policy.Loop.Batch.Size, s.Policy.Settle.Size = 0, 0, 0
				s.Policy.Process.Retry.MaxAttempts, s.Policy.Process.Retry.Timeout = 0, 0
				s.Policy.Loop.Limit = -1
			},
			[]string{
				"loop.limit: is -1, must not be negative (0 means no limit)",
				"loop.batch.size: is 0, must be at least 1 (it is what one fetch asks for)",
				"loop.concurrency.value: is 0, must be at least 1 (nothing could run)",
				"process.retry.max_attempts: is 0, must be at least 1 (1 means no retry)",
				"process.retry.timeout: is 0s, must be more than 0 (an attempt needs a limit, such as 30s)",
				"settle.size: is 0, must be at least 1 (1 settles each transaction separately)",
			},
		},
		{
			"negative shutdown", func(s *pipeline.Settings) { s.Shutdown = policy.Shutdown{Grace: -1, Force: -2} },
			[]string{"grace: is -1ns, must not be negative", "force: is -2ns, must not be negative"},
		},
		{
			"everything at once", func(s *pipeline.Settings) {
				s.Handlers, s.Source, s.Policy.Loop.Outage.After = ergon.Task{}, nil, 1
				s.Policy.Settle.Interval = -1
			},
			[]string{
				"task has no Process function; make it with ergon.Consume or set ergon.Task.Process",
				"settle.interval: is -1ns, must not be negative",
				`fetch.connector: "input" is not a source, because it cannot fetch`,
				`loop.dead_letter: source, but connector "input" cannot keep dead letters; name a connector`,
				`loop.outage: connector "input" cannot requeue, and outage mode requires that; set after to 0`,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newRig(timed()).Settings
			test.change(&s)
			consumer, err := pipeline.New(s)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if consumer != nil {
				t.Error("got a loop beside the error")
			}
			if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, test.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		})
	}
}

// [C2] The other side of each bound.
func TestPossibleSettingsAreAccepted(t *testing.T) {
	for name, change := range map[string]func(s *pipeline.Settings){
		"the shortest lease, and attempts that are longer": func(s *pipeline.Settings) {
			s.Source = memory.NewLeased(memory.Settings{}, 2*time.Second)
			s.Policy.Process.Retry.Timeout, s.Policy.Loop.TransactionTimeout = time.Hour, 2*time.Hour
		},
		"prefetch as large as the concurrency": func(s *pipeline.Settings) {
			s.Source = memory.NewLeased(memory.Settings{}, time.Minute)
			s.Policy.Loop.Batch.Prefetch, s.Policy.Loop.Concurrency.Value = 4, 4
		},
		"prefetch as large as the most concurrency": func(s *pipeline.Settings) {
			s.Source = memory.NewLeased(memory.Settings{}, time.Minute)
			s.Policy.Loop.Batch.Prefetch = 8
			s.Policy.Loop.Concurrency = policy.Concurrency{Value: 4, Min: 1, Max: 8}
		},
		"any prefetch without leases": func(s *pipeline.Settings) { s.Policy.Loop.Batch.Prefetch = 1000 },
		"a connector for dead letters": func(s *pipeline.Settings) {
			s.Policy.Loop.DeadLetter, s.DeadLetters = "dead_letters", dispatchFunc(nil)
		},
		"no place for dead letters where there are none": func(s *pipeline.Settings) {
			s.Policy.Loop.OnException, s.Policy.Loop.DeadLetter = policy.OnExceptionDiscard, ""
		},
		"a source that takes nothing back": func(s *pipeline.Settings) {
			s.Source, s.Policy.Loop.OnException = fetchFunc(nil), policy.OnExceptionDiscard
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRig(timed()).Settings
			change(&s)
			if _, err := pipeline.New(s); err != nil {
				t.Errorf("it was refused: %v", err)
			}
		})
	}
}

// [C2, S5] A lease too short to be divided is refused, and no reason to panic.
func TestLeaseOfNothingIsRefused(t *testing.T) {
	for _, lease := range []time.Duration{0, 1, 3} {
		s := newRig(timed()).Settings
		s.Source = memory.NewLeased(memory.Settings{Finite: true}, lease)
		if _, err := pipeline.New(s); err == nil || !strings.Contains(err.Error(), "too short") {
			t.Errorf("got %v for a lease of %s, want it refused", err, lease)
		}
	}
}

// [S5] The shortest lease is enough for an attempt of an hour: it is extended twice a second, and nothing is delivered twice.
func TestShortLeaseUnderLongWork(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(time.Hour - 1)
			return nil, nil
		}})
		q := memory.NewLeased(memory.Settings{Transactions: transactionsOf("a", "b"), Finite: true, Record: true}, capability.ShortestLease)
		r.Queue, r.Source = q.Queue, q
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Interval = 1, time.Hour
		r.Policy.Process, r.Policy.Loop.TransactionTimeout = once(time.Hour), 2*time.Hour
		r.run(t)
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 2})
		for _, id := range []string{"a", "b"} {
			if got := r.settlementsOf(id); len(got) != 1 || got[0].Transaction.Delivery().Count != 1 {
				t.Errorf("got settlements %v of %s, want one of its first delivery", got, id)
			}
		}
	})
}
