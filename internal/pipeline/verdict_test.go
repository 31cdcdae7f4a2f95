package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

const (
	delayOfPolicy  = 7 * time.Second
	delayOfHandler = 3 * time.Second
	delayOfOutage  = 30 * time.Second
)

// failure is one way in which a transaction fails, and what its loop has.
type failure struct {
	letters, canReject, canRequeue, outage bool
	onException                            policy.OnException
	disposition                            ergon.Disposition
	category                               ergon.Category
}

// everyFailure yields all of them.
func everyFailure(yield func(failure) bool) {
	bools := []bool{false, true}
	for _, letters := range bools {
		for _, canReject := range bools {
			for _, canRequeue := range bools {
				for _, outage := range bools {
					for _, on := range []policy.OnException{policy.OnExceptionDeadLetter, policy.OnExceptionRequeue, policy.OnExceptionDiscard} {
						for _, d := range []ergon.Disposition{{}, ergon.DeadLetter(), ergon.Discard(), ergon.Requeue(delayOfHandler)} {
							for _, c := range []ergon.Category{ergon.CategorySystem, ergon.CategoryBusiness, ergon.CategoryTimeout} {
								if !yield(failure{letters, canReject, canRequeue, outage, on, d, c}) {
									return
								}
							}
						}
					}
				}
			}
		}
	}
}

func (f failure) verdict(o lifecycle.Outcome) string {
	var s pipeline.Settings
	s.Policy = exactPolicy()
	s.Policy.Loop.OnException, s.Policy.Settle.RequeueDelay, s.Policy.Loop.Outage.ProbeInterval = f.onException, delayOfPolicy, delayOfOutage
	s.Policy.Loop.DeadLetter = "letters"
	if f.canReject {
		s.Policy.Loop.DeadLetter = policy.DeadLetterSource
	}
	if f.letters {
		s.DeadLetters = dispatchFunc(nil)
	}
	return pipeline.Verdict(s, f.canRequeue, f.outage, false, o, f.disposition, f.category)
}

// place is where dead letters go; "" for nowhere.
func (f failure) place() string {
	switch {
	case f.letters:
		return "letter, ack"
	case f.canReject && f.canRequeue:
		return "reject"
	default:
		return ""
	}
}

// [S1] [L7] Each disposition, policy, category and place for dead letters, in an outage and outside of one: the handler's wish comes before
// the outage, and the outage before the policy; a dead letter without a place is requeued, a requeue that the source cannot take is a
// dead letter.
func TestEachWayToFailHasItsVerdict(t *testing.T) {
	for f := range everyFailure {
		wish := f.disposition
		if wish == (ergon.Disposition{}) {
			switch {
			case f.outage && f.category != ergon.CategoryBusiness:
				wish = ergon.Requeue(delayOfOutage)
			default:
				wish = map[policy.OnException]ergon.Disposition{
					policy.OnExceptionDeadLetter: ergon.DeadLetter(), policy.OnExceptionDiscard: ergon.Discard(),
					policy.OnExceptionRequeue: ergon.Requeue(delayOfPolicy),
				}[f.onException]
			}
		}
		want := "discarded, ack"
		switch {
		case wish == ergon.DeadLetter() && f.place() == "":
			want = fmt.Sprint("requeued, requeue ", delayOfPolicy)
		case wish == ergon.DeadLetter(), wish != ergon.Discard() && f.letters && !f.canRequeue:
			want = "dead_lettered, " + f.place()
		case wish != ergon.Discard():
			want = fmt.Sprint("requeued, requeue ", wish.Delay())
		}
		if got := f.verdict(lifecycle.Failed); got != want {
			t.Errorf("%+v: got %q, want %q", f, got, want)
		}
	}
}

// [S1] [P3] A transaction whose exception handler fails as well is a dead letter, whatever was wished. It is dropped only if
// the policy drops what fails and keeps no dead letters.
func TestFailedHandlerDropsNothing(t *testing.T) {
	for f := range everyFailure {
		got, dropped := f.verdict(lifecycle.HandlerFailed), f.place() == "" && f.onException == policy.OnExceptionDiscard
		if !strings.HasPrefix(got, "handler_failed, ") || (got == "handler_failed, ack") != dropped {
			t.Errorf("%+v: got %q, want it dropped %v", f, got, dropped)
		}
		if f.place() != "" && got != "handler_failed, "+f.place() {
			t.Errorf("%+v: got %q, want a dead letter", f, got)
		}
	}
}

// [S1] Other outcomes have one verdict each; what fails without anybody to settle goes to the caller.
func TestOtherOutcomesHaveOneVerdict(t *testing.T) {
	for f := range everyFailure {
		for outcome, want := range map[lifecycle.Outcome]string{
			lifecycle.Succeeded: "succeeded, ack", lifecycle.Released: "interrupted, requeue uncounted",
			lifecycle.Redelivered: "redelivered, not settled",
		} {
			if got := f.verdict(outcome); got != want {
				t.Errorf("%+v: got %q, want %q", f, got, want)
			}
		}
	}
	got := pipeline.Verdict(pipeline.Settings{}, true, false, true, lifecycle.Failed, ergon.DeadLetter(), ergon.CategorySystem)
	if got != "failed, not settled" {
		t.Errorf("a producing loop: got %q", got)
	}
}
