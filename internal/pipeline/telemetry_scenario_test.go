package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otelrecord"
)

const producer = "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01"

type job struct {
	Name string `json:"name"`
}

// works fails in the way that the id of its transaction says.
type works struct {
	calls   *tally
	observe func() // called while an attempt is given up and another one runs
	logger  *slog.Logger
}

var (
	_ ergon.ConsumerTask[job, string]          = (*works)(nil)
	_ ergon.ProcessSuccessHandler[job, string] = (*works)(nil)
	_ ergon.ProcessExceptionHandler            = (*works)(nil)
)

// ProcessTransaction says so in the log, and takes 100 ms of virtual time, unless it is to take longer.
func (w *works) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[job]) (string, error) {
	w.logger.InfoContext(ctx, "processing")
	time.Sleep(100 * time.Millisecond)
	call := w.calls.add("process " + tx.ID())
	switch id := tx.ID(); {
	case id == "heals" && call == 1, id == "postponed" && call <= 2:
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
	case id == "unfinished":
		<-ctx.Done()
		return "", ctx.Err()
	case id == "crashes":
		panic(tx.Body)
	}
	return tx.Body.Name, nil
}

// HandleProcessSuccess takes 10 ms.
func (w *works) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[job], _ string) error {
	w.logger.InfoContext(ctx, "succeeding")
	time.Sleep(10 * time.Millisecond)
	if tx.ID() == "unhandled" {
		return errScripted
	}
	return nil
}

// HandleProcessException takes 10 ms.
func (w *works) HandleProcessException(ctx context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
	w.logger.InfoContext(ctx, "failing")
	time.Sleep(10 * time.Millisecond)
	switch tx.ID() {
	case "postponed":
		return ergon.Requeue(time.Second), nil
	case "unwanted":
		return ergon.Discard(), nil
	case "hopeless":
		return ergon.Disposition{}, errScripted
	}
	return ergon.Disposition{}, nil
}

// lateHandler hands on to the logger that the rig has when a record is written.
type lateHandler struct{ rig *rig }

var _ slog.Handler = lateHandler{}

// Enabled is the rig's.
func (h lateHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.rig.Logger.Enabled(ctx, level)
}

// Handle is the rig's.
func (h lateHandler) Handle(ctx context.Context, record slog.Record) error {
	return h.rig.Logger.Handler().Handle(ctx, record)
}

// WithAttrs changes nothing: these handlers' loggers have none.
func (h lateHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup changes nothing either.
func (h lateHandler) WithGroup(string) slog.Handler { return h }

func jobs(ids ...string) []ergon.Transaction {
	made := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		made[i] = ergon.NewTransaction(id, []byte(`{"name":"`+id+`"}`))
	}
	return made
}

// newWorks is a loop over jobs, one at a time, each settled by itself. The handlers log as the engine does.
func newWorks(w *works) *rig {
	w.calls = newTally()
	r := newRig(ergon.Consume(w))
	w.logger = slog.New(ergon.LogHandler(lateHandler{r}))
	r.Policy.Fetch.Connector = "jobs"
	r.Policy.Loop.Concurrency.Headroom = 2
	r.Policy.Settle.Size = 1
	r.Policy.Process = retrying(2, 2*time.Second, time.Second)
	r.Policy.Success = retrying(2, time.Second, time.Second)
	r.Policy.Exception = once(time.Second)
	return r
}

// scenarios are all of them; with may change a loop before it runs.
var scenarios = map[string]func(t *testing.T, with ...func(*rig)) recorded{"finite": finite, "streaming": streaming}

// recorded is what a scenario left behind.
type recorded struct {
	*instruments
	rig           *rig
	during, after map[string]otelrecord.Metric
}

// finite runs a loop in which everything happens once: each transaction comes to the end that its id says, and one fetch,
// one settlement and one dead letter fail once. Calls take time, so that no two things happen at the same moment.
func finite(t *testing.T, with ...func(*rig)) recorded {
	t.Helper()
	w := &works{}
	r := newWorks(w)
	got := recorded{instruments: r.instrument(), rig: r}
	w.observe = func() { got.during = got.collect(t) }
	txs := jobs("succeeds", "heals", "refused", "garbled", "late", "unhandled", "hopeless", "unwanted", "crashes", "postponed")
	txs[0] = txs[0].WithMetadata("traceparent", producer)
	txs[3], txs[7] = txs[3].WithPayload([]byte("{")), txs[7].WithPayload([]byte("7"))
	r.Source = memory.WithLeaseFaults(memory.NewLeased(memory.Settings{Transactions: txs, Finite: true}, 12*time.Second),
		memory.Stall(memory.OnFetch, 20*time.Millisecond).Always(), memory.Stall(memory.OnSettle, 5*time.Millisecond).Always(),
		memory.Fail(memory.OnFetch, nil).At(2), memory.Fail(memory.OnSettle, nil).At(3))
	r.DeadLetters = memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, nil))
	r.Policy.Loop.DeadLetter = "letters"
	for _, change := range with {
		change(r)
	}
	r.run(t)
	got.after = got.collect(t)
	return got
}

// streaming runs a loop that is shut down while a transaction runs and the source has been empty before.
func streaming(t *testing.T, with ...func(*rig)) recorded {
	t.Helper()
	r := newWorks(&works{})
	got := recorded{instruments: r.instrument(), rig: r}
	txs := jobs("succeeds", "refused")
	txs[0] = txs[0].WithMetadata("traceparent", producer)
	r.Queue = memory.New(memory.Settings{Transactions: txs})
	r.Source = memory.WithFaults(r.Queue,
		memory.Stall(memory.OnFetch, 20*time.Millisecond).Always(), memory.Stall(memory.OnSettle, 5*time.Millisecond).Always())
	r.Policy.Loop.Streaming = true
	r.Shutdown.Grace = 250 * time.Millisecond
	for _, change := range with {
		change(r)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r.start(ctx, t)
	time.Sleep(500 * time.Millisecond)
	if err := r.Queue.DispatchTransactions(t.Context(), jobs("unfinished")); err != nil {
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
