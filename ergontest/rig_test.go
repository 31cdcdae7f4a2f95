package ergontest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest"
	"github.com/ergon-go/ergon/policy"
)

// request is the payload of what the courier delivers.
type request struct{ Street string }

// courier is a task with everything that a task can have.
type courier struct {
	routes *ergontest.Script // a service
	signed ergon.Dispatcher
	say    func(cause *ergon.TransactionError) (ergon.Disposition, error)
}

func newCourier(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&courier{
		routes: ergon.UseService[*ergontest.Script](d, "routes"),
		signed: ergon.UseConnector[ergon.Dispatcher](d, "signed"),
	})
}

func (c *courier) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[request]) (string, error) {
	if tx.Body.Street == "" {
		return "", ergon.Business(errors.New("there is no street"))
	}
	return "to " + tx.Body.Street, c.routes.Next(ctx)
}

func (c *courier) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[request], route string) error {
	return c.signed.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), route)})
}

func (c *courier) HandleProcessException(
	_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError,
) (ergon.Disposition, error) {
	if c.say == nil {
		return ergon.Disposition{}, nil
	}
	return c.say(cause)
}

// newRig is a rig for the courier with three attempts of 5 s, 1 s and 2 s apart.
func newRig(steps ...ergontest.Step) (*ergontest.Rig, *ergontest.Sink) {
	rig, signed := ergontest.NewRig(newCourier), &ergontest.Sink{}
	rig.Services["routes"] = ergontest.NewScript(steps...)
	rig.Connectors["signed"] = signed
	patient(rig)
	return rig, signed
}

func patient(rig *ergontest.Rig) {
	retry := policy.DefaultRetry()
	retry.Timeout, retry.Backoff = 5*time.Second, time.Second
	rig.Policy.Process.Retry = retry
}

func saying(say func(*ergon.TransactionError) (ergon.Disposition, error)) *ergontest.Rig {
	return ergontest.RigOf(ergon.Consume(&courier{routes: ergontest.NewScript(), signed: &ergontest.Sink{}, say: say}))
}

func wantAttempts(t *testing.T, result ergontest.TransactionResult, want ...string) {
	t.Helper()
	got := make([]string, len(result.Attempts))
	for i, attempt := range result.Attempts {
		got[i] = attempt.String()
	}
	if !slices.Equal(got, want) {
		t.Errorf("got attempts\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// only is the one result of a run that must have gone well itself.
func only(t *testing.T, report ergontest.Report) ergontest.TransactionResult {
	t.Helper()
	if report.Err != nil {
		t.Fatalf("the run ended with %v", report.Err)
	}
	if len(report.Results) != 1 {
		t.Fatalf("got %d results, want 1", len(report.Results))
	}
	return report.Results[0]
}

// [T5, R1] Both sides of each bound: a hang ends at its timeout, what takes just less is in time.
func TestAttemptsAreReportedWithExactVirtualTimes(t *testing.T) {
	rig, signed := newRig(ergontest.Hang(), ergontest.Ignore(time.Hour), ergontest.Take(5*time.Second-time.Nanosecond))
	report := rig.Run(t, ergon.NewTransaction("a", request{"Elm Street"}))
	result := only(t, report)
	wantAttempts(t, result,
		"process 1, 0s to 5s: timeout", "process 2, 6s to 11s: timeout", "process 3, 13s to 17.999999999s: ok",
		"success 1, 17.999999999s to 17.999999999s: ok",
	)
	if result.Outcome != ergontest.Succeeded || result.Err != nil || result.Value != "to Elm Street" {
		t.Errorf("got %v, %v, %v", result.Outcome, result.Err, result.Value)
	}
	if err := result.Attempts[0].Err; !errors.Is(err, ergon.ErrAttemptTimeout) || result.Attempts[2].Err != nil {
		t.Errorf("got %v as the first attempt's error and %v as the last one's", err, result.Attempts[2].Err)
	}
	ended := result.Attempts[3].End
	if s := result.Settlement; s == nil || s.Action != policy.SettleAck || s.At < ended || s.At > ended+rig.Policy.Settle.Interval {
		t.Errorf("got settlement %+v, want an ack just after %v", s, ended)
	}
	if diff := cmp.Diff([]any{"to Elm Street"}, signed.Payloads()); diff != "" {
		t.Errorf("signed (-want +got):\n%s", diff)
	}
}

func TestRuleThatSaysNoBecomesADeadLetter(t *testing.T) {
	rig, signed := newRig()
	report := rig.Run(t, ergon.NewTransaction("a", request{}), ergon.NewTransaction("b", request{"Elm Street"}))
	if report.Err != nil || len(report.Results) != 2 {
		t.Fatalf("got %d results and %v", len(report.Results), report.Err)
	}
	failed := report.Of("a")[0]
	wantAttempts(t, failed, "process 1, 0s to 0s: business", "exception 1, 0s to 0s: ok")
	if failed.Outcome != ergontest.DeadLettered || ergon.CategoryOf(failed.Err) != ergon.CategoryBusiness {
		t.Errorf("got %v and %v", failed.Outcome, failed.Err)
	}
	if l := failed.DeadLetter; l == nil || l.Message != "there is no street" || l.Task != "task" || len(report.DeadLetters) != 1 {
		t.Errorf("got dead letter %+v of %d", l, len(report.DeadLetters))
	}
	if other := report.Of("b")[0]; other.Outcome != ergontest.Succeeded || other.DeadLetter != nil {
		t.Errorf("got %v with dead letter %v for the other", other.Outcome, other.DeadLetter)
	}
	if got := len(signed.Transactions()); got != 1 {
		t.Errorf("got %d signed, want 1", got)
	}
}

func TestPayloadThatDoesNotDecodeIsReported(t *testing.T) {
	rig, _ := newRig()
	result := only(t, rig.Run(t, ergon.NewTransaction("a", []byte(`{"Street": 3}`))))
	if cause, ok := errors.AsType[*ergon.TransactionError](result.Err); !ok || cause.Phase != policy.PhaseDecode {
		t.Errorf("got %v, want a failure in phase decode", result.Err)
	}
}

func TestFailedSuccessHandlerIsReportedByItsPhase(t *testing.T) {
	rig, signed := newRig()
	full := errors.New("the archive is full")
	signed.Script = ergontest.NewScript(slices.Repeat([]ergontest.Step{ergontest.Fail(full)}, 3)...)
	result := only(t, rig.Run(t, ergon.NewTransaction("a", request{"Elm Street"})))
	wantAttempts(t, result,
		"process 1, 0s to 0s: ok", "success 1, 0s to 0s: system", "success 2, 200ms to 200ms: system",
		"success 3, 600ms to 600ms: system", "exception 1, 600ms to 600ms: ok",
	)
	if !errors.Is(result.Err, full) || signed.Script.Calls() != 3 {
		t.Errorf("got %v after %d calls", result.Err, signed.Script.Calls())
	}
}

func TestDispositionsAreReportedAsTheySettle(t *testing.T) {
	for name, c := range map[string]struct {
		say     ergon.Disposition
		fail    error
		outcome ergontest.Outcome
		action  policy.SettleAction
		delay   time.Duration
	}{
		"discard":         {ergon.Discard(), nil, ergontest.Discarded, policy.SettleAck, 0},
		"dead letter":     {ergon.DeadLetter(), nil, ergontest.DeadLettered, policy.SettleAck, 0},
		"requeue":         {ergon.Requeue(time.Minute), nil, ergontest.Requeued, policy.SettleRequeue, time.Minute},
		"handler failure": {ergon.Discard(), errors.New("no"), ergontest.HandlerFailed, policy.SettleAck, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rig := saying(func(*ergon.TransactionError) (ergon.Disposition, error) { return c.say, c.fail })
			result := only(t, rig.Run(t, ergon.NewTransaction("a", request{})))
			if result.Outcome != c.outcome || result.Settlement == nil {
				t.Fatalf("got %v settled with %v", result.Outcome, result.Settlement)
			}
			if s := result.Settlement; s.Action != c.action || s.Delay != c.delay {
				t.Errorf("got %v after %v, want %v after %v", s.Action, s.Delay, c.action, c.delay)
			}
		})
	}
}

func TestRequeuedTransactionComesAgainAsOftenAsIsWanted(t *testing.T) {
	rig := saying(func(*ergon.TransactionError) (ergon.Disposition, error) { return ergon.Requeue(5 * time.Minute), nil })
	rig.MaxDeliveries = 3
	rig.Policy.Settle.Size = 1
	report := rig.Run(t, ergon.NewTransaction("a", request{}))
	if report.Err != nil || len(report.Of("a")) != 3 {
		t.Fatalf("got %d deliveries and %v, want 3", len(report.Of("a")), report.Err)
	}
	for i, result := range report.Of("a") {
		if got, want := result.Attempts[0].Start, time.Duration(i)*5*time.Minute; got != want || len(result.Attempts) != 2 {
			t.Errorf("delivery %d: got %d attempts from %v, want 2 from %v", i+1, len(result.Attempts), got, want)
		}
		if got := result.Transaction.Delivery().Count; got != i+1 {
			t.Errorf("got delivery count %d, want %d", got, i+1)
		}
	}
}

func TestDeadLetterThatCannotBeWrittenIsReportedAsRequeued(t *testing.T) {
	rig, _ := newRig()
	full := slices.Repeat([]ergontest.Step{ergontest.Fail(errors.New("no space left"))}, 3)
	rig.Connectors["dead_letters"] = &ergontest.Sink{Script: ergontest.NewScript(full...)}
	report := rig.Run(t, ergon.NewTransaction("a", request{}))
	if len(report.Results) != 1 || report.Results[0].Outcome != ergontest.Requeued || len(report.DeadLetters) != 0 {
		t.Errorf("got %+v with %d dead letters, want it requeued", report.Results, len(report.DeadLetters))
	}
}

func TestDeadLettersReachTheConnectorThatTheRigHasForThem(t *testing.T) {
	rig, _ := newRig()
	sink := &ergontest.Sink{}
	rig.Connectors["dead_letters"] = sink
	report := rig.Run(t, ergon.NewTransaction("a", request{}))
	if len(sink.Transactions()) != 1 || len(report.DeadLetters) != 1 {
		t.Errorf("got %d dispatched and %d reported, want 1 each", len(sink.Transactions()), len(report.DeadLetters))
	}
}

func TestShutdownThatATestBringsAboutInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig, _ := newRig(ergontest.Hang())
		rig.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		report := rig.RunInBubble(ctx, t, ergon.NewTransaction("a", request{"Elm Street"}))
		if !errors.Is(report.Err, context.DeadlineExceeded) || len(report.Results) != 1 {
			t.Fatalf("got %v and %d results", report.Err, len(report.Results))
		}
		result := report.Results[0]
		wantAttempts(t, result, "process 1, 0s to 3s: interrupted")
		if result.Outcome != ergontest.Interrupted || !result.Settlement.Interrupted {
			t.Errorf("got %v settled with %+v", result.Outcome, result.Settlement)
		}
	})
}

func TestSourceOfItsOwnMayMisbehave(t *testing.T) {
	queue := memory.New(memory.Settings{Finite: true, Record: true, Transactions: []ergon.Transaction{
		ergon.NewTransaction("a", request{"Elm Street"}),
	}})
	rig, signed := newRig()
	rig.Source = memory.WithFaults(queue, memory.LoseAck())
	report := rig.Run(t)
	if report.Err != nil || len(report.Of("a")) != 2 || len(signed.Transactions()) != 2 || len(report.Settlements) != 0 {
		t.Errorf("got %d deliveries, %d signed, %d settlements, %v", len(report.Of("a")), len(signed.Transactions()),
			len(report.Settlements), report.Err)
	}
}

func TestRigRunsAgainAsBefore(t *testing.T) {
	rig, _ := newRig()
	first := only(t, rig.Run(t, ergon.NewTransaction("a", request{})))
	second := only(t, rig.Run(t, ergon.NewTransaction("a", request{})))
	if first.Outcome != second.Outcome || rig.Policy.Process.Retry.Jitter == 0 {
		t.Errorf("got %v, then %v, with jitter %v left", first.Outcome, second.Outcome, rig.Policy.Process.Retry.Jitter)
	}
}

// exampleT is the test that ExampleRig is the body of.
var exampleT *testing.T

func TestExampleOfARig(t *testing.T) {
	exampleT = t
	ExampleRig()
}
