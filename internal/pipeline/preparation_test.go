package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// inboundAttempt is an attempt in which something is prepared, without a loop.
type inboundAttempt struct {
	context.Context

	end context.CancelCauseFunc
}

func newInboundAttempt(t *testing.T) *inboundAttempt {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	return &inboundAttempt{ctx, end}
}

func (a *inboundAttempt) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(a.Context, f)
}
func (a *inboundAttempt) End(_, cause error) { a.end(cause) }

// observer writes down what it is told.
type observer struct{ *journal }

var _ pipeline.OutboundObserver = observer{}

func (o observer) Started(ctx context.Context, _ *ergon.Transaction) (context.Context, trace.Span) {
	return ctx, trace.SpanFromContext(context.Background())
}

func (o observer) Ended(_ context.Context, _ trace.Span, tx ergon.Transaction, _ attempt.Instant, failed *ergon.TransactionError) {
	if failed != nil {
		o.note("failed " + tx.ID())
		return
	}
	o.note("ended " + tx.ID())
}

func (o observer) ExceptionHandlerFailed(ctx context.Context, failed *ergon.TransactionError) {
	o.note("exception handler failed " + idOf(ctx) + ": " + failed.Error())
}

func (o observer) Attempted(ctx context.Context, phase lifecycle.Phase, event lifecycle.Event, took attempt.Instant) {
	o.note(fmt.Sprint(phase, " ", idOf(ctx), " ", event, " ", time.Duration(took)))
}

func (o observer) Retried() { o.note("retried") }

func (o observer) GivenUp(ctx context.Context, returnedLate func() bool) {
	o.note("given up " + idOf(ctx))
	time.AfterFunc(100*time.Millisecond, func() {
		if !returnedLate() {
			o.note("stuck " + idOf(ctx))
		}
	})
}

func (o observer) ReturnedLate(ctx context.Context, _ error) { o.note("came back " + idOf(ctx)) }

func idOf(ctx context.Context) string {
	scope, _ := spans.ScopeFrom(ctx)
	return scope.TransactionID
}

// tx times and ends of a Prepare handler, by id.
type script map[string]func(ctx context.Context) error

func (s script) task() *ergon.Task {
	return &ergon.Task{Prepare: func(ctx context.Context, tx ergon.Transaction) error {
		if does := s[tx.ID()]; does != nil {
			return does(ctx)
		}
		return nil
	}}
}

// [B3] Without a loop: as many as there are slots are prepared at once. After one has failed permanently those in progress are finished,
// and no other is begun.
func TestPreparationFinishesWhatIsInProgressWhenOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, p := newJournal(), exactProducer()
		p.Loop.Concurrency.Value = 2
		p.Prepare = once(time.Minute)
		s := script{
			"a": takes(2*time.Second, ergon.Business(errScripted)), "b": takes(3*time.Second, nil), "c": takes(time.Second, nil),
		}
		got := pipeline.NewPreparation(s.task(), p, observer{j}, newInboundAttempt(t), time.Hour, transactionsOf("a", "b", "c", "d")...).Run()
		if got == nil || got.Error() != "outbound transaction a: scripted failure" || !errors.Is(got, errScripted) {
			t.Errorf("got %v", got)
		}
		j.want(t, "2s prepare a business 2s", "2s failed a", "3s prepare b ok 3s", "3s ended b")
	})
}

// [B3] [T2] Without a loop: an attempt that does not return is given up, is stuck after a while, and comes back; the next one succeeds.
func TestPreparationGivesUpWhatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, p, calls := newJournal(), exactProducer(), newTally()
		p.Prepare = retrying(2, time.Second, 500*time.Millisecond)
		s := script{"a": func(context.Context) error {
			if calls.add("a") == 1 {
				sleep(2 * time.Second)
			}
			return nil
		}}
		if err := pipeline.NewPreparation(s.task(), p, observer{j}, newInboundAttempt(t), time.Hour, transactionsOf("a")...).Run(); err != nil {
			t.Error(err)
		}
		sleep(time.Minute)
		j.want(t, "1.5s given up a", "1.5s prepare a timeout 1.5s", "1.5s retried", "1.5s prepare a ok 0s", "1.5s ended a",
			"1.6s stuck a", "2s came back a")
	})
}

// [B3] [R1] Without a loop: a shutdown ends a preparation whose transaction is in a backoff, now or later, and none whose handler runs.
func TestShutdownEndsAPreparationInABackoffOnly(t *testing.T) {
	for name, c := range map[string]struct {
		does     func(context.Context) error
		stop, at time.Duration
		released bool
	}{
		"in a backoff":             {takes(time.Second, errScripted), 2 * time.Second, 2 * time.Second, true},
		"before the backoff":       {takes(3*time.Second, errScripted), 2 * time.Second, 3 * time.Second, true},
		"before it has begun":      {takes(3*time.Second, errScripted), 0, 3 * time.Second, true},
		"runs and succeeds":        {takes(3*time.Second, nil), 2 * time.Second, 3 * time.Second, false},
		"runs and fails for good":  {takes(3*time.Second, ergon.Business(errScripted)), 2 * time.Second, 3 * time.Second, false},
		"runs and is not released": {takes(3*time.Second, ergon.Permanent(errScripted)), 2 * time.Second, 3 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := exactProducer()
				p.Prepare, p.Loop.TransactionTimeout = retrying(3, time.Minute, time.Hour), 0
				for range 300 { // what looks for a backoff runs beside what follows the attempt
					begin := time.Now()
					preparation := pipeline.NewPreparation(script{"a": c.does}.task(), p, observer{newJournal()}, newInboundAttempt(t),
						24*time.Hour, transactionsOf("a")...)
					if c.stop == 0 {
						preparation.Stop()
					} else {
						time.AfterFunc(c.stop, preparation.Stop)
					}
					err := preparation.Run()
					released := err != nil && err.Error() == "in a backoff when the shutdown began"
					if took := time.Since(begin); took != c.at || released != c.released {
						t.Fatalf("got %v after %s, want released %v after %s", err, took, c.released, c.at)
					}
				}
			})
		})
	}
}

// [B3] [T3] Without a loop: the outbound timeout ends an attempt if it is earlier than the inbound attempt's deadline.
func TestPreparationEndsAtTheEarlierDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		inbound, outbound time.Duration
		want              error
		at                time.Duration
	}{
		"outbound": {10*time.Second + 2, 10 * time.Second, ergon.ErrTransactionTimeout, 10 * time.Second},
		"inbound":  {9 * time.Second, 10 * time.Second, ergon.ErrAttemptTimeout, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, inbound := exactProducer(), newInboundAttempt(t)
				p.Prepare, p.Loop.TransactionTimeout = once(time.Minute), c.outbound
				begin := time.Now()
				time.AfterFunc(c.inbound, func() { inbound.End(nil, ergon.ErrAttemptTimeout) })
				err := pipeline.NewPreparation(script{"a": takes(time.Hour, nil)}.task(), p, observer{newJournal()}, inbound, c.inbound,
					transactionsOf("a")...).Run()
				if took := time.Since(begin); !errors.Is(err, c.want) || took != c.at {
					t.Errorf("got %v after %s, want %v after %s", err, took, c.want, c.at)
				}
				sleep(2 * time.Hour)
			})
		})
	}
}

// caller is a goroutine that makes an inline call.
type caller struct{ *journal }

func (c caller) Detach() { c.note("detached") }

// [B3] Without a loop: a worker prepares a single transaction itself. If that is slow, another goroutine continues with the same attempt,
// and the next one is not tried; if it fails, the retries follow.
func TestFirstAttemptOnAWorkersGoroutine(t *testing.T) {
	const slow = time.Second
	for name, c := range map[string]struct {
		ids    string
		does   func(calls int) error
		change func(*policy.Producer, *ergon.Task)
		want   string
	}{
		"quick": {ids: "a", want: "0s prepare a ok 0s, 0s ended a, 0s enough"},
		"slow": {
			ids: "a", does: func(int) error { sleep(slow); return nil },
			want: "100µs handed off, 1s prepare a ok 1s, 1s detached, 1s ended a, 1s prepared <nil>, 1s may not",
		},
		"fails once": {
			ids: "a", does: func(calls int) error {
				if calls == 1 {
					return errScripted
				}
				return nil
			},
			want: "0s prepare a system 0s, 0s not enough, 1s retried, 1s prepare a ok 0s, 1s ended a, 1s prepared <nil>",
		},
		"several": {ids: "a b", want: "0s may not"},
		"has a throttle": {
			ids: "a", change: func(p *policy.Producer, _ *ergon.Task) { p.Loop.Throttle = policy.Throttle{Rate: 1, Burst: 1} },
			want: "0s may not",
		},
		"has a success handler": {
			ids: "a", change: func(_ *policy.Producer, task *ergon.Task) {
				task.PrepareSuccess = func(context.Context, ergon.Transaction) error { return nil }
			}, want: "0s may not",
		},
		"has a timeout of its own": {
			ids: "a", change: func(p *policy.Producer, _ *ergon.Task) { p.Loop.TransactionTimeout = time.Minute }, want: "0s may not",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, p, calls := newJournal(), exactProducer(), newTally()
				p.Prepare, p.Loop.TransactionTimeout = retrying(2, time.Minute, time.Second), 0
				task := script{"a": func(context.Context) error {
					if n := calls.add("a"); c.does != nil {
						return c.does(n)
					}
					return nil
				}}.task()
				if c.change != nil {
					c.change(&p, task)
				}
				preparation := pipeline.NewPreparation(task, p, observer{j}, newInboundAttempt(t), time.Hour,
					transactionsOf(strings.Fields(c.ids)...)...)
				goOn := func() { j.note(fmt.Sprint("prepared ", preparation.Run())) }
				var successor func()
				done := make(chan struct{})
				go func() { // it may not return from the call
					defer close(done)
					may, enough := preparation.RunInline(caller{j}, func() {
						j.note("handed off")
						successor = goOn
						go successor()
					})
					switch {
					case enough:
						j.note("enough")
					case may:
						j.note("not enough")
						goOn()
					default:
						j.note("may not")
					}
				}()
				<-done
				synctest.Wait()
				if successor != nil {
					again := make(chan struct{})
					go func() { // likewise
						defer close(again)
						if may, _ := preparation.RunInline(caller{j}, func() {}); !may {
							j.note("may not")
						}
					}()
					<-again
				}
				if diff := cmp.Diff(c.want, strings.Join(j.all(), ", ")); diff != "" {
					t.Errorf("what happened (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// [B3] [T1] A collector gives what has the id of the outbound transaction a derived id, and takes nothing after its attempt has returned.
func TestCollectorTakesOutputsOfItsAttempt(t *testing.T) {
	made := ergon.NewTransaction("a/0", nil).WithDerivedID("a/0")
	c := pipeline.NewCollector(&made)
	batch := transactionsOf("a/0", "other")
	derived := c.Derive(batch)
	if !derived[0].HasDerivedID() || derived[1].HasDerivedID() || batch[0].HasDerivedID() {
		t.Error("want the first to have a derived id, and the caller's batch to be as it was")
	}
	if same := c.Derive(derived); &same[0] != &derived[0] {
		t.Error("a batch that needs no change was copied")
	}
	if err := c.Collect(nil, derived); err != nil {
		t.Fatal(err)
	}
	derived[0] = ergon.NewTransaction("changed", nil)
	got := c.Take()
	if len(got) != 1 || idsOf(got[0].Transactions) != "a/0 other" {
		t.Errorf("got %v", got)
	}
	if err := c.Collect(nil, batch); err == nil || !strings.Contains(err.Error(), "the attempt that it belongs to has returned") {
		t.Errorf("got %v after the attempt has returned", err)
	}
	random := ergon.NewTransaction("a/0", nil)
	if got := pipeline.NewCollector(&random).Derive(batch); slices.ContainsFunc(got, ergon.Transaction.HasDerivedID) {
		t.Error("the id of an outbound transaction that is not derived became one")
	}
}
