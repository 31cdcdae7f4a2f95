package pipeline_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// [B3, O3] Each attempt of each handler knows what it belongs to, and has the values of the loop.
func TestContextOfAnOutboundTransactionKnowsWhatItBelongsTo(t *testing.T) {
	for name, instrumented := range map[string]bool{"not traced": false, "traced": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []spans.Scope
				see := func(ctx context.Context) error {
					scope, _ := spans.ScopeFrom(ctx)
					got = append(got, scope)
					if ctx.Value(testKey{}) != "value" || ctx.Value("unknown") != nil {
						t.Errorf("got values %v and %v", ctx.Value(testKey{}), ctx.Value("unknown"))
					}
					return errScripted
				}
				r := newHybridRig(1, func(ctx context.Context, _ ergon.Transaction) error { return see(ctx) }, "a")
				r.Handlers.PrepareException = func(ctx context.Context, _ ergon.Transaction, _ *ergon.TransactionError) error {
					return see(ctx)
				}
				if instrumented {
					r.instrument()
				}
				r.Producer.Prepare, r.Producer.Exception = retrying(2, time.Second, time.Second), once(time.Second)
				r.start(context.WithValue(t.Context(), testKey{}, "value"), t)
				if err := r.wait(); err != nil {
					t.Fatal(err)
				}
				scope := spans.Scope{Task: "task", Worker: "worker-1", TransactionID: "a/0"}
				if diff := cmp.Diff([]spans.Scope{scope, scope, scope}, got); diff != "" {
					t.Errorf("scopes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// [B3] Neither the context of an attempt to prepare nor those that a handler derives from it have a goroutine that only waits.
func TestContextsOfOutboundTransactionsStartNoGoroutine(t *testing.T) {
	for name, change := range map[string]func(*rig){
		"plain":               func(*rig) {},
		"traced":              func(r *rig) { r.instrument() },
		"transaction timeout": func(r *rig) { r.Producer.Loop.TransactionTimeout = 2 * time.Minute },
		"hop": func(r *rig) {
			store := newStore("a")
			r.Source, r.Queue = store, store.Queue
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newHybridRig(2, func(ctx context.Context, _ ergon.Transaction) error {
				ctx, cancel := context.WithTimeout(context.WithValue(ctx, testKey{}, "value"), time.Minute)
				defer cancel()
				stop := context.AfterFunc(ctx, func() {})
				defer stop()
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				if strings.Contains(string(stacks), "created by context.(*cancelCtx).propagateCancel") {
					t.Errorf("a goroutine waits for the end of a context:\n%s", stacks)
				}
				return nil
			}, "a")
			change(r)
			r.run(t)
			if got := r.resultOf(t, "a").Outcome; got != pipeline.Succeeded {
				t.Errorf("it came to %s, want success", got)
			}
		})
	}
}

// [B3, T3] The outbound transaction's own timeout, where it is the earlier one, ends an attempt, cuts its backoffs short and bounds
// its success handler, to the nanosecond; where the inbound transaction's is earlier, or at the same time, that one counts.
func TestTimeoutOfAnOutboundTransactionIsExact(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		inbound, outbound, backoff time.Duration
		prepare, success           func(context.Context) error
		want                       string
		at                         time.Duration
	}{
		"in time": {
			0, 10 * second, 0, takes(4*second, nil), takes(6*second-1, nil), "", 10*second - 1,
		},
		"success is late": {
			0, 10 * second, 0, takes(4*second, nil), takes(6*second, nil),
			"prepare: TIMEOUT: outbound transaction a/0: success: transaction timeout of 10s", 10 * second,
		},
		"the second attempt is late": {
			0, 10 * second, second, takes(5*second, errScripted), nil,
			"prepare: TIMEOUT: outbound transaction a/0: transaction timeout of 10s (after 2 attempts)", 10 * second,
		},
		"no room for the backoff": {
			0, 10 * second, 5 * second, takes(5*second, errScripted), nil,
			"prepare: SYSTEM: outbound transaction a/0: scripted failure " +
				"(not retried: the deadline of the context leaves no room for the backoff of 5s)", 5 * second,
		},
		"the inbound one's is a nanosecond later": {
			10*second + 1, 10 * second, 0, takes(time.Hour, nil), nil,
			"prepare: TIMEOUT: outbound transaction a/0: transaction timeout of 10s", 10 * second,
		},
		"the inbound one's is at the same time": {
			10 * second, 10 * second, 0, takes(time.Hour, nil), nil, "prepare: TIMEOUT: transaction timeout of 10s", 10 * second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told, begin := "", time.Now()
				r := newHybridRig(1, func(ctx context.Context, _ ergon.Transaction) error { return c.prepare(ctx) }, "a")
				if c.success != nil {
					r.Handlers.PrepareSuccess = func(ctx context.Context, _ ergon.Transaction) error { return c.success(ctx) }
				}
				r.Handlers.Exception = func(_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
					told = cause.Error()
					return ergon.Discard(), nil
				}
				r.OnEnd = func(pipeline.Result) {
					if took := time.Since(begin); took != c.at {
						t.Errorf("it took %s, want %s", took, c.at)
					}
				}
				r.Policy.Process = once(second)
				r.Policy.Loop.Concurrency.Headroom = 10
				r.Policy.Loop.TransactionTimeout, r.Producer.Loop.TransactionTimeout = c.inbound, c.outbound
				r.Producer.Prepare = retrying(3, min(c.outbound, 10*second), c.backoff)
				r.Producer.Success = policy.Step{Retry: r.Producer.Prepare.Retry}
				r.run(t)
				if told != c.want {
					t.Errorf("the exception handler was told\n%s\nwant\n%s", told, c.want)
				}
				sleep(time.Hour) // until what was given up has returned
			})
		})
	}
}

// [B3, R1] A shutdown tells a backoff from an attempt also where spans are recorded.
func TestShutdownEndsBackoffsOfTracedOutbound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHybridRig(2, func(context.Context, ergon.Transaction) error { return errScripted }, "a")
		r.instrument()
		r.Policy.Loop.TransactionTimeout, r.Producer.Loop.TransactionTimeout = 0, 0
		r.Producer.Prepare = retrying(3, time.Second, time.Hour)
		ctx, cancel := context.WithCancelCause(t.Context())
		begin := time.Now()
		r.start(ctx, t)
		sleep(time.Second)
		cancel(ergon.ErrInterrupted)
		if err := r.wait(); !errors.Is(err, ergon.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != time.Second || r.resultOf(t, "a").Outcome != pipeline.Interrupted {
			t.Errorf("it came to %s after %s, want interrupted after 1s", r.resultOf(t, "a").Outcome, took)
		}
	})
}
