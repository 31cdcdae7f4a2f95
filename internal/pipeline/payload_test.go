package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

type order struct {
	Lines []string `json:"lines"`
}

// orders is a typed task that writes down its calls.
type orders struct {
	*journal

	cause *ergon.TransactionError
}

func (o *orders) ProcessTransaction(context.Context, ergon.TransactionOf[order]) (int, error) {
	o.note("process")
	return 1, nil
}

func (o *orders) HandleProcessSuccess(context.Context, ergon.TransactionOf[order], int) error {
	o.note("success")
	return nil
}

func (o *orders) HandleProcessException(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
	o.note("exception of " + fmt.Sprint(tx.Payload()))
	o.cause = cause
	return ergon.Disposition{}, nil
}

// [R3]
func TestPayloadThatDoesNotDecodeIsBusinessAndGoesToTheExceptionHandler(t *testing.T) {
	for name, payload := range map[string]any{"broken": `{"lines":`, "of another shape": `{"lines":7}`, "no bytes at all": 7} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				task := &orders{journal: newJournal()}
				r := newRig(ergon.Consume(task))
				txs := []ergon.Transaction{ergon.NewTransaction("a", payload)}
				r.Queue = memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true})
				r.Source = r.Queue
				r.Policy.Loop.Execution = execution
				r.run(t)
				task.want(t, "0s exception of "+fmt.Sprint(payload))
				c := task.cause
				if c.Category != ergon.CategoryBusiness || c.Phase != policy.PhaseDecode ||
					c.Attempts != 1 || c.First != nil || c.TransactionID != "a" {
					t.Errorf("got %v in phase %v after %d attempts of %s, first %v; want BUSINESS in decode after 1 of a",
						c.Category, c.Phase, c.Attempts, c.TransactionID, c.First)
				}
				if got, want := c.Error(), "decode: BUSINESS: decode payload into pipeline_test.order: "; !strings.HasPrefix(got, want) ||
					strings.Contains(got, "process") {
					t.Errorf("got %q, want it to begin with %q and nothing of another phase", got, want)
				}
				if got := r.resultOf(t, "a"); got.Outcome != pipeline.DeadLettered || !errors.Is(got.Err, c.Err) {
					t.Errorf("got %v with %v, want dead_lettered with the cause", got.Outcome, got.Err)
				}
				if got := r.settlementsOf("a"); len(got) != 1 || got[0].Action != policy.SettleReject {
					t.Errorf("got settlements %v, want one reject", got)
				}
			})
		})
	}
}

// [R3] Without a handler the policy decides; the decoder's own error is reached, and one that crashes is SYSTEM.
func TestDecoderThatFailsOrCrashes(t *testing.T) {
	plain := func(decode func([]byte, any) error) ergon.Task {
		return ergon.Consume(onlyProcess{}, ergon.UseCodec(decode))
	}
	for _, test := range []struct {
		name     string
		decode   func([]byte, any) error
		category ergon.Category
		phase    policy.Phase
		attempts int
	}{
		{"fails", func([]byte, any) error { return errScripted }, ergon.CategoryBusiness, policy.PhaseDecode, 1},
		{"panics", func([]byte, any) error { panic(errScripted) }, ergon.CategorySystem, policy.PhaseProcess, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(plain(test.decode), "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Process = retrying(2, time.Second, time.Second)
				r.run(t)
				got := r.resultOf(t, "a")
				failed, ok := errors.AsType[*ergon.TransactionError](got.Err)
				if !ok || failed.Category != test.category || failed.Phase != test.phase || failed.Attempts != test.attempts {
					t.Errorf("got %#v, want %v in %v after %d attempts", failed, test.category, test.phase, test.attempts)
				}
				if !errors.Is(got.Err, errScripted) || got.Outcome != pipeline.DeadLettered {
					t.Errorf("got %v with %v, want dead_lettered with the decoder's error", got.Outcome, got.Err)
				}
			})
		})
	}
}

type onlyProcess struct{}

func (onlyProcess) ProcessTransaction(context.Context, ergon.TransactionOf[order]) (int, error) {
	return 0, nil
}

// mutatingPayload changes all that it gets hold of, and fails.
type mutatingPayload struct {
	seen []string
}

func (s *mutatingPayload) see(tx ergon.Transaction, body *order) {
	decoded := ""
	if body != nil {
		decoded = fmt.Sprint(body.Lines)
		body.Lines[0] = "spoilt"
		body.Lines = append(body.Lines, "more")
	}
	switch p := tx.Payload().(type) {
	case []byte:
		s.seen = append(s.seen, string(p)+decoded)
		clear(p)
	case map[string]any:
		text, err := json.Marshal(p)
		s.seen = append(s.seen, string(text)+decoded, fmt.Sprint(err))
		p["lines"].([]any)[0] = "spoilt"
		delete(p, "lines")
	case order:
		s.seen = append(s.seen, fmt.Sprint(p.Lines)+decoded)
		p.Lines[0] = "spoilt"
	}
}

func (s *mutatingPayload) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[order]) (int, error) {
	s.see(tx.Transaction, &tx.Body)
	if len(s.seen) < 3 {
		return 0, errScripted
	}
	return 1, nil
}

func (s *mutatingPayload) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[order], _ int) error {
	s.see(tx.Transaction, &tx.Body)
	return errScripted
}

func (s *mutatingPayload) HandleProcessException(
	_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError,
) (ergon.Disposition, error) {
	s.see(tx, nil)
	return ergon.Disposition{}, errScripted
}

// [R4]
func TestEveryAttemptGetsThePayloadAsItWasFetched(t *testing.T) {
	const text = `{"lines":["one"]}`
	for _, test := range []struct {
		name    string
		payload any
		typed   string // what a typed attempt sees
		untyped string // what the exception handler sees
	}{
		{"bytes", []byte(text), text + "[one]", text},
		{"the type itself", order{Lines: []string{"one"}}, "[one][one]", "[one]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				s := &mutatingPayload{}
				r := newRig(ergon.Consume(s))
				txs := []ergon.Transaction{ergon.NewTransaction("a", test.payload)}
				r.Queue = memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true})
				r.Source = r.Queue
				r.Policy.Loop.Execution = execution
				r.Policy.Process = retrying(3, time.Second, 0)
				r.Policy.Success, r.Policy.Exception = retrying(2, time.Second, 0), retrying(2, time.Second, 0)
				r.run(t)
				want := []string{test.typed, test.typed, test.typed, test.typed, test.typed, test.untyped, test.untyped}
				if diff := cmp.Diff(want, s.seen); diff != "" {
					t.Errorf("what the attempts saw (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.payload, r.Queue.Rejected()[0].Payload()); diff != "" {
					t.Errorf("what is left in the source (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// [R4] An attempt that was given up continues changing what it has, but only that.
func TestLateAttemptDoesNotSpoilThePayloadOfTheNext(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		spoilt := make(chan struct{})
		var n atomic.Int32
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			payload := tx.Payload().([]string)
			if n.Add(1) == 1 {
				sleep(time.Second + 1)
				payload[0] = "spoilt"
				close(spoilt)
				return nil, nil
			}
			<-spoilt
			return payload[0] + tx.Payload().([]string)[0], nil
		}})
		r.Queue = memory.New(memory.Settings{Transactions: []ergon.Transaction{ergon.NewTransaction("a", []string{"one"})}, Finite: true})
		r.Source = r.Queue
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 2
		r.Policy.Process = retrying(2, time.Second, 0)
		r.run(t)
		if got := r.resultOf(t, "a").Value; got != "oneone" {
			t.Errorf("the second attempt saw %q, want what was fetched, twice", got)
		}
	})
}
