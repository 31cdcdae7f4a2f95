package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// hopFixture is a hop without a settler. Its calls have two attempts, a second apart.
type hopFixture struct {
	hop

	begin     time.Time
	calls     []string                           // of HopTransactions: "0s a ack to 1, b ack to 2"
	answer    func(batch []capability.Hop) error // nil: success
	judge     judge
	failures  failures
	unwritten unwritten
	memory    flightMemory
	stopped   error
}

// HopTransactions notes a call as it begins, with the number of outputs of each.
func (h *hopFixture) HopTransactions(_ context.Context, batch []capability.Hop) error {
	texts := make([]string, len(batch))
	for i, hop := range batch {
		n := 0
		for _, output := range hop.Outputs {
			n += len(output.Transactions)
		}
		texts[i] = fmt.Sprintf("%s %s to %d", hop.Settlement.Transaction.ID(), hop.Settlement.Action, n)
	}
	h.calls = append(h.calls, fmt.Sprintf("%s %s", time.Since(h.begin), strings.Join(texts, ", ")))
	if h.answer == nil {
		return nil
	}
	return h.answer(batch)
}

func (h *hopFixture) SharesStore(ergon.Dispatcher) bool { return true }

// noLetters is a store of dead letters to which nothing is dispatched.
type noLetters struct{}

func (noLetters) DispatchTransactions(context.Context, []ergon.Transaction) error {
	return errors.New("a letter that hops is not dispatched")
}

// inHopFixture runs a test in a bubble of virtual time. The source keeps dead letters.
func inHopFixture(t *testing.T, test func(t *testing.T, h *hopFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &hopFixture{begin: time.Now()}
		clock := attempt.NewClock()
		s := Settings{Task: "task", Policy: policy.DefaultConsumer(), Logger: slog.New(slog.DiscardHandler), DeadLetters: noLetters{}}
		watcher, _, err := newWatcher(s, clock, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.failures.watcher = watcher
		h.memory.loop = &inherited{clock: clock, values: context.Background()}
		h.judge = newJudge(s, true, &outage{})
		stall := &stallDetector{}
		stall.init(clock, s.Policy)
		retry := policy.Retry{MaxAttempts: 2, Timeout: time.Minute, Backoff: time.Second, BackoffMultiplier: 1}
		h.hop = hop{
			hopper: h, bury: true, store: s.DeadLetters, task: s.Task, judge: &h.judge, failures: &h.failures, watcher: watcher,
			calls: batchCaller{retry: retry, hanging: &Hanging{}, stall: stall},
			lost: &lostLetters{
				delay: 5 * time.Second, canRequeue: true, clock: clock, unwritten: &h.unwritten, failures: &h.failures, watcher: watcher,
				stop: func(why error) { h.stopped = why },
			},
		}
		test(t, h)
	})
}

// flights makes flights that have ended: "a" succeeded with one output, "-a" without any, "!a" failed after it had prepared one and gets a
// letter.
func (h *hopFixture) flights(ids ...string) []*flight {
	txs := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		txs[i] = ergon.NewTransaction(id, nil)
	}
	flights := h.memory.newFlights(txs)
	for _, f := range flights {
		f.verdict = verdict{outcome: Succeeded, action: policy.SettleAck}
		if f.tx.ID()[0] != '-' {
			f.needExtras().outputs = []capability.Output{{To: noLetters{}, Transactions: []ergon.Transaction{ergon.NewTransaction("out", nil)}}}
		}
		if f.tx.ID()[0] == '!' {
			f.failed(errHandler)
			f.state.Outcome = lifecycle.Failed
			f.failure.cause = &ergon.TransactionError{Category: ergon.CategoryBusiness, TransactionID: f.tx.ID(), Err: errHandler}
			f.verdict = h.judge.failed(f.failure)
		}
	}
	return flights
}

// failing fails the hops of these with err.
func (h *hopFixture) failing(err error, ids ...string) {
	h.answer = func(batch []capability.Hop) error {
		failures := map[int]error{}
		for i, hop := range batch {
			if slices.Contains(ids, hop.Settlement.Transaction.ID()) {
				failures[i] = err
			}
		}
		if len(failures) == 0 {
			return nil
		}
		return &ergon.BatchError{Failures: failures}
	}
}

// verdictText is what the settler does next with f.
func verdictText(f *flight) string {
	v := f.verdict
	text := f.tx.ID() + " " + v.outcome.String()
	switch {
	case v.dead:
		text += ", letter"
	case v.skip:
		text += ", settled"
	default:
		text += ", " + v.action.String()
		if v.delay > 0 {
			text += " " + v.delay.String()
		}
	}
	return text
}

func wantVerdicts(t *testing.T, flights []*flight, want ...string) {
	t.Helper()
	got := make([]string, len(flights))
	for i, f := range flights {
		got[i] = verdictText(f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

// [B3] One call makes durable what has outputs, and the letters that the source keeps, together with their settlements. What has none is
// left to the settler, and a batch without any makes no call.
func TestHopTakesWhatHasOutputs(t *testing.T) {
	inHopFixture(t, func(t *testing.T, h *hopFixture) {
		flights := h.flights("a", "-b", "!c", "d")
		dead, err := h.hopOver(t.Context(), flights)
		if err != nil || len(dead) != 0 {
			t.Errorf("got %d that need a letter and %v, want none and nil", len(dead), err)
		}
		if diff := cmp.Diff([]string{"0s a ack to 1, !c ack to 1, d ack to 1"}, h.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		wantVerdicts(t, flights, "a succeeded, settled", "-b succeeded, ack", "!c dead_lettered, letter", "d succeeded, settled")
		if !flights[2].verdict.skip {
			t.Error("the source is settled again for a letter that hopped")
		}
		if _, err := h.hopOver(t.Context(), h.flights("-e")); err != nil || len(h.calls) != 1 {
			t.Errorf("a batch without outputs: %v, %d calls in all; want nil and 1", err, len(h.calls))
		}
	})
}

// [B3] If the source does not keep the letters, a transaction that failed after it had prepared outputs has none.
func TestHopHasNoOutputsOfWhatFailed(t *testing.T) {
	inHopFixture(t, func(t *testing.T, h *hopFixture) {
		h.bury = false
		flights := h.flights("!a")
		if _, err := h.hopOver(t.Context(), flights); err != nil || len(h.calls) != 0 || flights[0].verdict.skip {
			t.Errorf("got %v, calls %v, settled: %t; want nothing", err, h.calls, flights[0].verdict.skip)
		}
	})
}

// [B3] [S3] What is not durable of a call. A stale delivery is the source's and no failure. What the store refuses has failed to be
// prepared and needs a letter, once. What may succeed next time is tried again, and then left to be delivered again.
func TestHopDecidesAboutWhatIsNotDurable(t *testing.T) {
	refusal := ergon.Permanent(errHandler)
	for name, c := range map[string]struct {
		err     error
		calls   int
		verdict string
		dead    int
		fails   bool
	}{
		"stale":   {capability.ErrStaleDelivery, 1, "b redelivered, settled", 0, false},
		"refused": {refusal, 1, "b dead_lettered, letter", 1, false},
		"failed":  {errHandler, 2, "b redelivered, settled", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			inHopFixture(t, func(t *testing.T, h *hopFixture) {
				h.failing(c.err, "b")
				flights := h.flights("a", "b", "c")
				dead, err := h.hopOver(t.Context(), flights)
				wantVerdicts(t, flights, "a succeeded, settled", c.verdict, "c succeeded, settled")
				if (err != nil) != c.fails || (h.failures.err() != nil) != c.fails {
					t.Errorf("got %v, and the run fails with %v; want failures: %t", err, h.failures.err(), c.fails)
				}
				if len(dead) != c.dead || c.dead == 1 && (dead[0] != flights[1] || len(dead[0].extras.outputs) != 0) {
					t.Errorf("%d need a letter, want %d without outputs", len(dead), c.dead)
				}
				if len(h.calls) != c.calls || c.calls == 2 && h.calls[1] != "1s b ack to 1" {
					t.Errorf("got the calls %v, want %d, the second for what is left", h.calls, c.calls)
				}
				if c.dead == 1 && (!errors.Is(flights[1].failure.cause, errHandler) || flights[1].failure.cause.Phase != policy.PhasePrepare) {
					t.Errorf("it failed with %+v, want the refusal in phase prepare", flights[1].failure.cause)
				}
			})
		})
	}
}

// [S2] A letter that does not hop is no acknowledgement: its transaction is requeued. If others of the call are durable it is at fault
// itself, and its delay grows; otherwise the store is, and the call has failed.
func TestHopRequeuesWhatHasNoLetter(t *testing.T) {
	for name, c := range map[string]struct {
		fails []string
		want  []string
		err   bool
	}{
		"it alone": {[]string{"!a"}, []string{"!a requeued, requeue 5s", "b succeeded, settled"}, false},
		"all":      {[]string{"!a", "b"}, []string{"!a requeued, requeue 5s", "b redelivered, settled"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inHopFixture(t, func(t *testing.T, h *hopFixture) {
				h.failing(errHandler, c.fails...)
				flights := h.flights("!a", "b")
				dead, err := h.hopOver(t.Context(), flights)
				wantVerdicts(t, flights, c.want...)
				if (err != nil) != c.err || len(dead) != 0 || h.stopped != nil {
					t.Errorf("got %v, %d that need a letter, stopped with %v; want an error: %t", err, len(dead), h.stopped, c.err)
				}
				if n, refused := h.unwritten.known.Load(), h.unwritten.refused(); n != 1 || (refused == 1) == c.err {
					t.Errorf("%d letters are known as unwritten, %d as refused", n, refused)
				}
			})
		})
	}
}

// [B3] [F1] A failure of an item outside of the call fails the call: nothing of it counts as durable, also if it is said to be stale or
// refused.
func TestHopThatNamesAnotherItemHasFailed(t *testing.T) {
	for name, err := range map[string]error{
		"failed": errHandler, "stale": capability.ErrStaleDelivery, "refused": ergon.Permanent(errHandler),
	} {
		for _, outside := range []int{-1, 2} {
			t.Run(fmt.Sprint(name, " ", outside), func(t *testing.T) {
				inHopFixture(t, func(t *testing.T, h *hopFixture) {
					h.answer = func(batch []capability.Hop) error {
						if outside >= 0 {
							return &ergon.BatchError{Failures: map[int]error{len(batch): err}}
						}
						return &ergon.BatchError{Failures: map[int]error{outside: err}}
					}
					flights := h.flights("a", "b")
					dead, err := h.hopOver(t.Context(), flights)
					wantVerdicts(t, flights, "a redelivered, settled", "b redelivered, settled")
					if err == nil || !strings.Contains(err.Error(), "the connector reported a failure for item") || len(dead) != 0 {
						t.Errorf("got %v and %d that need a letter", err, len(dead))
					}
				})
			})
		}
	}
}
