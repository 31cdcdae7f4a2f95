package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// sent is what a connector was given.
type sent struct {
	mu  sync.Mutex
	ids []string
}

func (s *sent) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range batch {
		s.ids = append(s.ids, tx.ID())
	}
	return nil
}

type valueKey struct{}

// contexts are what somebody may make of an attempt's context before it ends.
var contexts = map[string]func(context.Context) context.Context{
	"its own":        func(ctx context.Context) context.Context { return ctx },
	"without cancel": context.WithoutCancel,
	"without cancel, with a value": func(ctx context.Context) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), valueKey{}, 1)
	},
	"without cancel, with a timeout": func(ctx context.Context) context.Context {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 24*time.Hour)
		context.AfterFunc(ctx, cancel)
		return ctx
	},
}

// lateDispatch dispatches after an hour, which no attempt of a second has.
func lateDispatch(ctx context.Context, o *coalesce.Coalescer, derive func(context.Context) context.Context) error {
	ctx = derive(ctx)
	sleep(time.Hour)
	return o.DispatchTransactions(ctx, transactionsOf("late"))
}

// [T1] An attempt that was given up dispatches nothing, whatever context it uses, and hears so: the fence is its identity.
func TestGivenUpAttemptDispatchesNothingWhateverContextItUses(t *testing.T) {
	second := policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1}
	type late func(context.Context)
	for where, shape := range map[string]func(r *rig, do late){
		"process": func(r *rig, do late) {
			r.Handlers.Process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
				do(ctx)
				return nil, nil
			}
		},
		"success": func(r *rig, do late) {
			r.Handlers.Success = func(ctx context.Context, _ ergon.Transaction, _ any) error {
				do(ctx)
				return nil
			}
		},
		"exception": func(r *rig, do late) {
			r.Handlers.Process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errors.New("no")) }
			r.Handlers.Exception = func(ctx context.Context, _ ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				do(ctx)
				return ergon.Discard(), nil
			}
		},
		"RunFn in an attempt that goes on": func(r *rig, do late) {
			r.Policy.Process = once(24 * time.Hour)
			r.Handlers.Process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
				return ergon.RunFn(ctx, second, func(ctx context.Context) (int, error) {
					do(ctx)
					return 0, nil
				})
			}
		},
		"RunFn that goes on in an attempt": func(r *rig, do late) {
			r.Handlers.Process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
				patient := policy.Retry{MaxAttempts: 1, Timeout: 24 * time.Hour, BackoffMultiplier: 1}
				return ergon.RunFn(context.WithoutCancel(ctx), patient, func(ctx context.Context) (int, error) {
					do(ctx)
					return 0, nil
				})
			}
		},
		"RunConcurrently": func(r *rig, do late) {
			r.Policy.Process = once(24 * time.Hour)
			r.Handlers.Process = func(ctx context.Context, _ ergon.Transaction) (any, error) {
				limits := ergon.Limits{Value: 1, Timeout: time.Second}
				for range ergon.RunConcurrently(ctx, limits, slices.Values([]int{1}), func(ctx context.Context, _ int) (int, error) {
					do(ctx)
					return 0, nil
				}) {
				}
				return nil, nil
			}
		},
		"preparing": func(r *rig, do late) {
			r.Producer = exactProducer()
			r.Producer.Prepare = once(time.Second)
			r.Policy.Process = once(24 * time.Hour)
			r.Handlers.Process = splits(2)
			r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
				if strings.HasSuffix(tx.ID(), "/0") {
					do(ctx)
				}
				return nil
			}
		},
	} {
		for name, derive := range contexts {
			for how, batch := range map[string]policy.ProducerBatch{"alone": {Size: 1}, "joined": {Size: 100, Interval: time.Second}} {
				t.Run(strings.Join([]string{where, name, how}, " "), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						to := &sent{}
						o := coalesce.New(to, batch)
						var heard error
						r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
						r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(time.Second), once(time.Second), once(time.Second)
						r.Policy.Loop.Concurrency.Headroom = 4
						r.Policy.Loop.TransactionTimeout = 0
						shape(r, func(ctx context.Context) { heard = lateDispatch(ctx, o, derive) })
						r.start(t.Context(), t)
						sleep(2 * time.Hour)
						synctest.Wait()
						if heard == nil || len(to.ids) > 0 {
							t.Errorf("it heard %v, and %v was dispatched; want a refusal and nothing", heard, to.ids)
						}
						<-r.done
					})
				})
			}
		}
	}
}
