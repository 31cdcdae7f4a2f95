package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// withDeadLetters gives a rig a connector for dead letters.
func (r *rig) withDeadLetters(to ergon.Dispatcher) {
	r.Policy.Loop.DeadLetter, r.DeadLetters = "dead_letters", to
}

// recordsIn returns the dead letters that a queue holds, in order.
func recordsIn(t *testing.T, q *memory.Queue) []deadletter.Record {
	t.Helper()
	n, _ := q.CountTransactions(t.Context())
	if n == 0 {
		return nil
	}
	txs, err := q.FetchTransactions(t.Context(), int(n))
	if err != nil {
		t.Fatalf("reading the dead letters: %v", err)
	}
	records := make([]deadletter.Record, len(txs))
	for i, tx := range txs {
		record, ok := tx.Payload().(deadletter.Record)
		if !ok {
			t.Fatalf("the payload of dead letter %s is a %T, want a DeadLetterRecord", tx.ID(), tx.Payload())
		}
		if record.ID != tx.ID() {
			t.Errorf("the dead letter has id %q, its record %q", tx.ID(), record.ID)
		}
		records[i] = record
	}
	return records
}

// [S2]
func TestDeadLetterSaysWhatFailedHowAndWhen(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		enqueued := time.Now().UTC()
		n := 0
		r := newRig(ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) {
				n++
				return nil, fmt.Errorf("attempt %d broke", n)
			},
		})
		tx := ergon.NewTransaction("a", []byte(`{"code":7}`)).WithMetadata("tenant", "x").WithOrderingKey("k")
		r.Queue = memory.New(memory.Settings{Transactions: []ergon.Transaction{tx}, Finite: true})
		r.Source = r.Queue
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(3, time.Second, 10*time.Second)
		letters := memory.New(memory.Settings{})
		r.withDeadLetters(letters)
		r.run(t)

		got := recordsIn(t, letters)
		want := []deadletter.Record{{
			ID: "a", Task: "task", Category: ergon.CategorySystem, Phase: policy.PhaseProcess, Attempts: 3,
			Message: "attempt 3 broke", FirstError: "attempt 1 broke",
			Deliveries: 1, EnqueuedAt: enqueued, FailedAt: enqueued.Add(20 * time.Second),
			Metadata: map[string]string{"tenant": "x", "ordering_key": "k"}, Payload: json.RawMessage(`{"code":7}`),
		}}
		if len(got) == 1 {
			if len(got[0].Fingerprint) != 16 || strings.Trim(got[0].Fingerprint, "0123456789abcdef") != "" {
				t.Errorf("got fingerprint %q, want 16 hexadecimal digits", got[0].Fingerprint)
			}
			want[0].Fingerprint = got[0].Fingerprint
			got[0].EnqueuedAt = got[0].EnqueuedAt.UTC()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dead letters (-want +got):\n%s", diff)
		}
	})
}

// [S2]
func TestDeadLetterNamesThePhaseThatFailed(t *testing.T) {
	ok := func(context.Context, ergon.Transaction) (any, error) { return nil, nil }
	type task = ergon.Task
	for _, test := range []struct {
		name string
		task task
		want deadletter.Record
	}{
		{
			"business", refusing(nil),
			deadletter.Record{Category: ergon.CategoryBusiness, Phase: policy.PhaseProcess, Attempts: 1, Message: "refused"},
		},
		{
			"timeout",
			task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}},
			deadletter.Record{
				Category: ergon.CategoryTimeout, Phase: policy.PhaseProcess, Attempts: 2,
				Message: "attempt timeout of 1s", FirstError: "attempt timeout of 1s",
			},
		},
		{
			"success handler",
			task{Process: ok, Success: func(context.Context, ergon.Transaction, any) error {
				return ergon.Permanent(errors.New("sink is gone"))
			}},
			deadletter.Record{Category: ergon.CategorySystem, Phase: policy.PhaseSuccess, Attempts: 1, Message: "sink is gone"},
		},
		{
			"decode", ergon.Consume(number{}),
			deadletter.Record{
				Category: ergon.CategoryBusiness, Phase: policy.PhaseDecode, Attempts: 1, Message: "not a number",
			},
		},
		{
			"exception handler", refusing(func() (ergon.Disposition, error) { return ergon.Discard(), errors.New("handler broke") }),
			deadletter.Record{
				Category: ergon.CategoryBusiness, Phase: policy.PhaseProcess, Attempts: 1, Message: "refused",
				HandlerFailed: true, HandlerError: "handler broke",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(test.task, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Process, r.Policy.Exception = retrying(2, time.Second, 0), retrying(2, time.Second, 0)
				letters := memory.New(memory.Settings{})
				r.withDeadLetters(letters)
				r.run(t)
				got := recordsIn(t, letters)
				if len(got) != 1 {
					t.Fatalf("got %d dead letters, want 1", len(got))
				}
				if test.want.Phase == policy.PhaseDecode {
					test.want.Message = got[0].Message // it is the codec's
				}
				seen := deadletter.Record{
					Category: got[0].Category, Phase: got[0].Phase, Attempts: got[0].Attempts, Message: got[0].Message,
					FirstError: got[0].FirstError, HandlerFailed: got[0].HandlerFailed, HandlerError: got[0].HandlerError,
				}
				if diff := cmp.Diff(test.want, seen); diff != "" {
					t.Errorf("dead letter (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// number is a task that wants numbers.
type number struct{}

func (number) ProcessTransaction(context.Context, ergon.TransactionOf[int]) (any, error) {
	return nil, nil
}

// [S2] What a dead letter's payload looks like once it is written as JSON.
func TestPayloadOfADeadLetterStaysReadable(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload any
		want    string
	}{
		{"JSON", []byte(`{"a": [1, 2]}`), `{"a":[1,2]}`},
		{"text", []byte("a,b;c"), `"a,b;c"`},
		{"bytes that are no text", []byte{0xff, 0x00}, `"/wA="`},
		{"nothing", nil, `null`},
		{"a value", map[string]int{"a": 1}, `{"a":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(refusing(nil))
				tx := ergon.NewTransaction("a", test.payload)
				r.Source = memory.New(memory.Settings{Transactions: []ergon.Transaction{tx}, Finite: true})
				letters := memory.New(memory.Settings{})
				r.withDeadLetters(letters)
				r.run(t)
				encoded, err := json.Marshal(recordsIn(t, letters)[0].Payload)
				if err != nil {
					t.Fatal(err)
				}
				if string(encoded) != test.want {
					t.Errorf("got payload %s, want %s", encoded, test.want)
				}
			})
		})
	}
}

// [S2] FailedAt is when the transaction failed permanently, however long its dead letter waits to be written.
func TestFailedAtIsWhenItFailedAndNotWhenItWasWritten(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		began := time.Now().UTC()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "slow" {
				time.Sleep(20 * time.Second)
				return nil, nil
			}
			return nil, ergon.Business(errRefused)
		}}, "slow", "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 2
		r.Policy.Settle.Interval = 10 * time.Second
		letters := memory.New(memory.Settings{})
		r.withDeadLetters(letters)
		r.run(t)
		if got := recordsIn(t, letters)[0].FailedAt; !got.Equal(began) {
			t.Errorf("got FailedAt %s after the failure, want at it", got.Sub(began))
		}
	})
}

// [S2]
func TestFailuresThatLookAlikeHaveOneFingerprint(t *testing.T) {
	for _, alike := range [][]string{
		{"row 7 is bad", "row 8912 is bad", "row 0 is bad"},
		{`code "X1" is unknown`, `code "damage?" is unknown`, `code "" is unknown`},
		{"code 'X1' is unknown", "code 'Y' is unknown"},
		{"can't read 'abc'", "can't read 'some other file'"},
		{
			"order 018f3c2a-7b1e-7c3d-9f00-0123456789ab not found",
			"order ffffffff-aaaa-bbbb-cccc-eeeeeeeeeeee not found",
		},
		{"dial 10.0.0.1:443: refused", "dial 192.168.17.3:8443: refused"},
	} {
		t.Run(alike[0], func(t *testing.T) {
			want := fingerprintOf(t, "task", ergon.Business(errors.New(alike[0])))
			for _, message := range alike[1:] {
				if got := fingerprintOf(t, "task", ergon.Business(errors.New(message))); got != want {
					t.Errorf("%q has another fingerprint than %q", message, alike[0])
				}
			}
		})
	}
}

// [S2]
func TestFailuresThatDifferHaveFingerprintsOfTheirOwn(t *testing.T) {
	message := errors.New("no such airport")
	prints := map[string]string{}
	for name, got := range map[string]string{
		"the first":        fingerprintOf(t, "task", ergon.Business(message)),
		"another task":     fingerprintOf(t, "other", ergon.Business(message)),
		"another category": fingerprintOf(t, "task", ergon.Permanent(message)),
		"another message":  fingerprintOf(t, "task", ergon.Business(errors.New("no such airline"))),
		"another phase":    fingerprintOfTask(t, "task", failingSuccess(ergon.Business(message))),
	} {
		if twin, seen := prints[got]; seen {
			t.Errorf("%s has the fingerprint of %s", name, twin)
		}
		prints[got] = name
	}
}

func failingSuccess(err error) ergon.Task {
	return ergon.Task{
		Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil },
		Success: func(context.Context, ergon.Transaction, any) error { return err },
	}
}

func fingerprintOf(t *testing.T, name string, err error) string {
	t.Helper()
	return fingerprintOfTask(t, name, ergon.Task{
		Process: func(context.Context, ergon.Transaction) (any, error) { return nil, err },
	})
}

func fingerprintOfTask(t *testing.T, name string, task ergon.Task) string {
	t.Helper()
	r := newRig(task, "a")
	r.Task = name
	letters := memory.New(memory.Settings{})
	r.withDeadLetters(letters)
	r.run(t)
	return recordsIn(t, letters)[0].Fingerprint
}

// noting is a connector for dead letters that notes what it gets, fails as its queue is scripted to, and takes a while.
func noting(j *journal, to ergon.Dispatcher, takes time.Duration) dispatchFunc {
	return func(ctx context.Context, batch []ergon.Transaction) error {
		j.note("dead letters " + idsOf(batch))
		if takes > 0 {
			time.Sleep(takes)
		}
		return to.DispatchTransactions(ctx, batch)
	}
}

// [S2]
func TestDeadLetterIsDurableBeforeTheSourceHearsOfIt(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(refusing(nil), "a")
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution = execution
		r.withDeadLetters(noting(j, memory.New(memory.Settings{}), 2*time.Second))
		r.run(t)
		j.want(t, "0s dead letters a", "2s settle a ack")
	})
}

// [S2] After all attempts to write it the transaction goes back to its source, with the policy's delay: never dropped.
func TestDeadLetterThatCannotBeWrittenIsRequeued(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, logs := newJournal(), &logBuffer{}
		r := newRig(refusing(nil), "a")
		r.spyOnSettlements(j)
		r.Logger = logs.logger(slog.LevelInfo)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Limit = 1
		r.Policy.Settle.RequeueDelay = 7 * time.Second
		broken := memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil).Always())
		r.withDeadLetters(noting(j, broken, 0))
		r.runLeaving(t, "a")
		j.want(t, "0s dead letters a", "200ms dead letters a", "600ms dead letters a", "600ms settle a requeue 7s")
		if got := r.consumer.Snapshot().Outcomes[pipeline.Requeued]; got != 1 {
			t.Errorf("got %d requeued, want 1", got)
		}
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 1 {
			t.Errorf("the source holds %d transactions, want the one that could not be dead-lettered", n)
		}
		logs.wantMessages(t, slog.LevelError, "dead letters could not be written; their transactions are requeued")
	})
}

// [S2]
func TestOnlyTheDeadLettersThatFailedAreWrittenAgain(t *testing.T) {
	for _, test := range []struct {
		name     string
		failures int
		want     []string
	}{
		{"healed", 2, []string{
			"0s dead letters a b c", "200ms dead letters b", "600ms dead letters b", "600ms settle a ack, b ack, c ack",
		}},
		{"for good", 3, []string{
			"0s dead letters a b c", "200ms dead letters b", "600ms dead letters b", "600ms settle a ack, b requeue 5s, c ack",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				r := newRig(refusing(nil), "a", "b", "c")
				r.spyOnSettlements(j)
				r.Policy.Loop.Mode = policy.ModeBatch
				r.Policy.Loop.Limit = 3
				letters := memory.New(memory.Settings{})
				faulty := memory.WithFaults(letters, memory.Fail(memory.OnDispatch, nil).For("b").Times(test.failures))
				r.withDeadLetters(noting(j, faulty, 0))
				if test.failures == 3 {
					r.runLeaving(t, "b")
				} else {
					r.run(t)
				}
				j.want(t, test.want...)
				seen := map[string]int{}
				for _, record := range recordsIn(t, letters) {
					seen[record.ID]++
				}
				want := map[string]int{"a": 1, "b": 1, "c": 1}
				if test.failures == 3 {
					delete(want, "b")
				}
				if diff := cmp.Diff(want, seen); diff != "" {
					t.Errorf("dead letters written (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// [S2, T1] A connector that does not answer is given up at the settle policy's timeout, whether it heeds its context or not:
// the source is told then, and what comes back late changes nothing.
func TestDeadLettersThatAreNotWrittenInTimeAreRequeued(t *testing.T) {
	stalled := memory.Stall(memory.OnDispatch, time.Hour).Always()
	for name, fault := range map[string]memory.Fault{"heeds its context": stalled, "ignores its context": stalled.IgnoringContext()} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(refusing(nil), "a")
				r.spyOnSettlements(j)
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Limit = 1
				r.Policy.Settle.Retry = retrying(2, 10*time.Second, time.Second).Retry
				r.withDeadLetters(noting(j, memory.WithFaults(memory.New(memory.Settings{}), fault), 0))
				r.runLeaving(t, "a")
				want := []string{"0s dead letters a", "11s dead letters a", "21s settle a requeue 5s"}
				j.want(t, want...)
				time.Sleep(2 * time.Hour) // the late answers
				j.want(t, want...)
				if got := settlementsText(r.Queue.Settlements()); got != "a requeue 5s" {
					t.Errorf("got settlements %q, want one requeue", got)
				}
			})
		})
	}
}

// [S2] One that answers just in time is in time, one that answers just after it is too late.
func TestBothSidesOfTheTimeThatADeadLetterHas(t *testing.T) {
	for _, test := range []struct {
		takes   time.Duration
		settled string
	}{
		{10*time.Second - 1, "9.999999999s settle a ack"},
		{10*time.Second + 1, "10s settle a requeue 5s"},
	} {
		t.Run(test.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				r := newRig(refusing(nil), "a")
				r.spyOnSettlements(j)
				r.Policy.Loop.Limit = 1
				r.Policy.Settle.Retry = once(10 * time.Second).Retry
				r.withDeadLetters(noting(j, memory.New(memory.Settings{}), test.takes))
				if test.takes > 10*time.Second {
					r.runLeaving(t, "a")
				} else {
					r.run(t)
				}
				time.Sleep(time.Second) // the late answer
				j.want(t, "0s dead letters a", test.settled)
			})
		})
	}
}

// [S2] Where the source takes nothing back, a dead letter that cannot be written fails the loop: it is not dropped in silence.
func TestLostDeadLetterOfASourceThatTakesNothingBackFailsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(refusing(nil))
		given := false
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			if given {
				return nil, ergon.ErrExhausted
			}
			given = true
			return transactionsOf("a"), nil
		})
		broken := errors.New("disk full")
		r.withDeadLetters(dispatchFunc(func(context.Context, []ergon.Transaction) error { return broken }))
		r.start(t.Context(), t)
		err := r.wait()
		if !errors.Is(err, pipeline.ErrUnsettled) || !errors.Is(err, broken) || !strings.Contains(err.Error(), "transaction a") {
			t.Errorf("got error %v, want ErrUnsettled, transaction a and why", err)
		}
	})
}
