package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
)

const producer = "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01"

type job struct {
	Name string `json:"name"`
}

// works fails in the way that the id of its transaction says.
type works struct {
	calls   *tally
	observe func() // called while an attempt is given up and another one runs
}

var (
	_ ergon.ConsumerTask[job, string]          = (*works)(nil)
	_ ergon.ProcessSuccessHandler[job, string] = (*works)(nil)
	_ ergon.ProcessExceptionHandler            = (*works)(nil)
)

// ProcessTransaction takes 100 ms of virtual time, unless it is to take longer.
func (w *works) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[job]) (string, error) {
	time.Sleep(100 * time.Millisecond)
	call := w.calls.add("process " + tx.ID())
	switch id := tx.ID(); {
	case id == "heals" && call == 1, id == "requeued" && call <= 2:
		return "", errScripted
	case id == "refused":
		return "", ergon.Business(errors.New("the rule says no"))
	case id == "hopeless":
		return "", ergon.Permanent(errScripted)
	case id == "late" && call == 1:
		time.Sleep(4 * time.Second) // heeds nothing
	case id == "late":
		w.observe()
		time.Sleep(1500 * time.Millisecond)
	case id == "interrupted":
		<-ctx.Done()
		return "", ctx.Err()
	case id == "crashes":
		panic(tx.Body)
	}
	return tx.Body.Name, nil
}

// HandleProcessSuccess takes 10 ms.
func (w *works) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[job], _ string) error {
	time.Sleep(10 * time.Millisecond)
	if tx.ID() == "unhandled" {
		return errScripted
	}
	return nil
}

// HandleProcessException takes 10 ms.
func (w *works) HandleProcessException(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
	time.Sleep(10 * time.Millisecond)
	switch tx.ID() {
	case "requeued":
		return ergon.Requeue(time.Second), nil
	case "discarded":
		return ergon.Discard, nil
	case "hopeless":
		return ergon.Disposition{}, errScripted
	}
	return ergon.Disposition{}, nil
}

func jobs(ids ...string) []ergon.Transaction {
	made := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		made[i] = ergon.NewTransaction(id, []byte(`{"name":"`+id+`"}`))
	}
	return made
}

// newWorks is a loop over jobs, one at a time, each settled by itself.
func newWorks(w *works) *rig {
	r := newRig(ergon.Consume(w))
	r.Policy.Fetch.Connector = "jobs"
	r.Policy.Loop.Concurrency.Headroom = 2
	r.Policy.Settle.Size = 1
	r.Policy.Process = retrying(2, 2*time.Second, time.Second)
	r.Policy.Success = retrying(2, time.Second, time.Second)
	r.Policy.Exception = once(time.Second)
	return r
}

// recorded is what a scenario left behind.
type recorded struct {
	*instruments
	during, after map[string]metricdata.Metrics
}

// finite runs a loop in which everything happens once: each transaction comes to the end that its id says, and one fetch,
// one settlement and one dead letter fail once. Calls take time, so that no two things happen at the same moment.
func finite(t *testing.T) recorded {
	t.Helper()
	w := &works{calls: newTally()}
	r := newWorks(w)
	got := recorded{instruments: r.instrument()}
	w.observe = func() { got.during = got.collect(t) }
	txs := jobs("succeeds", "heals", "refused", "garbled", "late", "unhandled", "hopeless", "discarded", "crashes", "requeued")
	txs[0] = txs[0].WithMetadata("traceparent", producer)
	txs[3], txs[7] = txs[3].WithPayload([]byte("{")), txs[7].WithPayload([]byte("7"))
	r.Source = memory.WithLeaseFaults(memory.NewLeased(memory.Settings{Transactions: txs, Finite: true}, 12*time.Second),
		memory.Stall(memory.OnFetch, 20*time.Millisecond).Always(), memory.Stall(memory.OnSettle, 5*time.Millisecond).Always(),
		memory.Fail(memory.OnFetch, nil).At(2), memory.Fail(memory.OnSettle, nil).At(3))
	r.DeadLetters = memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil))
	r.Policy.Loop.DeadLetter = "letters"
	r.run(t)
	got.after = got.collect(t)
	return got
}

// streaming runs a loop that is shut down while a transaction runs and the source has been empty before.
func streaming(t *testing.T) recorded {
	t.Helper()
	r := newWorks(&works{calls: newTally()})
	got := recorded{instruments: r.instrument()}
	txs := jobs("succeeds", "refused")
	txs[0] = txs[0].WithMetadata("traceparent", producer)
	r.Queue = memory.New(memory.Settings{Transactions: txs})
	r.Source = memory.WithFaults(r.Queue,
		memory.Stall(memory.OnFetch, 20*time.Millisecond).Always(), memory.Stall(memory.OnSettle, 5*time.Millisecond).Always())
	r.Policy.Loop.Streaming = true
	r.Shutdown.Grace = 250 * time.Millisecond
	ctx, cancel := context.WithCancelCause(t.Context())
	r.start(ctx, t)
	time.Sleep(500 * time.Millisecond)
	if err := r.Queue.DispatchTransactions(t.Context(), jobs("interrupted")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	synctest.Wait()
	got.during = got.collect(t)
	cancel(ergon.ErrInterrupted)
	if err := r.wait(); !errors.Is(err, ergon.ErrInterrupted) {
		t.Fatalf("got %v, want the cause of the end", err)
	}
	got.after = got.collect(t)
	return got
}
