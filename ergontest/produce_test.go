package ergontest_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest"
)

// mailer sends what it is given.
type mailer struct{ out ergon.Dispatcher }

func newMailer(d *ergon.Dependencies) ergon.Task {
	return ergon.Produce(&mailer{out: ergon.UseConnector[ergon.Dispatcher](d, "out")})
}

func (m *mailer) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[string]) error {
	if tx.Body == "" {
		return ergon.Business(errors.New("there is no text"))
	}
	return m.out.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

func (m *mailer) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) { yield(ergon.NewTransaction("own", "my own"), nil) }
}

// [B1] Preparing has its own retries, on virtual time.
func TestProducingTaskPreparesWhatItIsGiven(t *testing.T) {
	out := &ergontest.Sink{Script: ergontest.NewScript(ergontest.Hang())}
	rig := ergontest.NewRig(newMailer)
	rig.Connectors["out"] = out
	rig.Producer.Prepare.Retry.Timeout, rig.Producer.Prepare.Retry.Backoff = 5*time.Second, time.Second
	result := only(t, rig.Run(t, ergon.NewTransaction("a", "text")))
	wantAttempts(t, result, "prepare 1, 0s to 5s: timeout", "prepare 2, 6s to 6s: ok")
	if result.Outcome != ergontest.Succeeded || result.Settlement != nil {
		t.Errorf("got %v settled with %v", result.Outcome, result.Settlement)
	}
	if diff := cmp.Diff([]any{"text"}, out.Payloads()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProducingTaskThatIsGivenNothingProducesItsOwn(t *testing.T) {
	out := &ergontest.Sink{}
	rig := ergontest.NewRig(newMailer)
	rig.Connectors["out"] = out
	only(t, rig.Run(t))
	if diff := cmp.Diff([]any{"my own"}, out.Payloads()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTransactionThatCannotBePreparedIsReported(t *testing.T) {
	rig := ergontest.NewRig(newMailer)
	rig.Connectors["out"] = &ergontest.Sink{}
	report := rig.Run(t, ergon.NewTransaction("a", ""), ergon.NewTransaction("b", "text"))
	if report.Err == nil {
		t.Error("a run that could not prepare everything ended without an error")
	}
	failed := report.Of("a")[0]
	if failed.Outcome != ergontest.Failed || ergon.CategoryOf(failed.Err) != ergon.CategoryBusiness || len(failed.Attempts) != 1 {
		t.Errorf("got %v, %v, %v", failed.Outcome, failed.Err, failed.Attempts)
	}
	if got := report.Of("b")[0].Outcome; got != ergontest.Succeeded {
		t.Errorf("got %v for the other", got)
	}
}
