package ergontest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest"
)

func TestStepsTakeTheirTimeAndHeedTheirContext(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		step ergontest.Step
		took time.Duration
		err  error
	}{
		"succeed":                       {ergontest.Succeed(), 0, nil},
		"fail":                          {ergontest.Fail(broken), 0, broken},
		"take less than there is":       {ergontest.Take(time.Second - 1), time.Second - 1, nil},
		"take more than there is":       {ergontest.Take(time.Second + 1), time.Second, context.DeadlineExceeded},
		"hang":                          {ergontest.Hang(), time.Second, context.DeadlineExceeded},
		"ignore the end of the context": {ergontest.Ignore(time.Hour), time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begin := time.Now()
				if err := ergontest.NewScript(c.step).Next(ctx); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				if got := time.Since(begin); got != c.took {
					t.Errorf("took %v, want %v", got, c.took)
				}
			})
		})
	}
}

func TestCallsBehindTheLastStepSucceed(t *testing.T) {
	broken := errors.New("broken")
	script := ergontest.NewScript(ergontest.Fail(broken))
	first, second := script.Next(t.Context()), script.Next(t.Context())
	if !errors.Is(first, broken) || second != nil || script.Calls() != 2 {
		t.Errorf("got %v, %v, %d calls", first, second, script.Calls())
	}
	var none *ergontest.Script
	if err := none.Next(t.Context()); err != nil || none.Calls() != 0 {
		t.Errorf("a nil script: got %v, %d calls", err, none.Calls())
	}
}

// A connector that names an item outside of the batch broke its contract, so nobody knows what is durable: nothing counts as such.
func TestSinkKeepsNothingOfACallThatNamesAnItemOutsideOfItsBatch(t *testing.T) {
	broken := &ergon.BatchError{Failures: map[int]error{7: errors.New("too long")}}
	sink := &ergontest.Sink{Script: ergontest.NewScript(ergontest.Fail(broken))}
	if err := sink.DispatchTransactions(t.Context(), []ergon.Transaction{ergon.NewTransaction("a", 1)}); err == nil {
		t.Error("got no error from a scripted failure")
	}
	if kept := sink.Transactions(); len(kept) != 0 {
		t.Errorf("kept %v, want nothing", kept)
	}
}

func TestSinkKeepsWhatDidNotFail(t *testing.T) {
	batch := []ergon.Transaction{ergon.NewTransaction("a", 1), ergon.NewTransaction("b", 2), ergon.NewTransaction("c", 3)}
	sink := &ergontest.Sink{Script: ergontest.NewScript(
		ergontest.Fail(&ergon.BatchError{Failures: map[int]error{1: errors.New("too long")}}),
		ergontest.Fail(errors.New("gone")),
	)}
	for range 2 {
		if err := sink.DispatchTransactions(t.Context(), batch); err == nil {
			t.Error("got no error from a scripted failure")
		}
	}
	if err := sink.DispatchTransactions(t.Context(), batch[:1]); err != nil {
		t.Error(err)
	}
	var ids string
	for _, tx := range sink.Transactions() {
		ids += tx.ID()
	}
	if ids != "aca" {
		t.Errorf("kept %s, want aca", ids)
	}
}
