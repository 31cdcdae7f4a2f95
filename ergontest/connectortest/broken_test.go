package connectortest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest"
	"github.com/ergon-go/ergon/ergontest/connectortest"
	"github.com/ergon-go/ergon/policy"
)

// queue is a sound connector, whose methods are broken one by one. What is not set is the queue's own.
type queue struct {
	*memory.LeasedQueue

	fetch    func(ctx context.Context, limit int) ([]ergon.Transaction, error)
	dispatch func(ctx context.Context, batch []ergon.Transaction) error
	settle   func(ctx context.Context, batch []capability.Settlement) error
	extend   func(ctx context.Context, batch []ergon.Transaction) error
	resolve  func(ctx context.Context, id string) (ergon.Transaction, error)
	count    func(ctx context.Context) (int64, error)
	close    func(ctx context.Context) error
	declare  func() capability.Declaration
	opened   bool
}

func (q *queue) Open(ctx context.Context) error {
	q.opened = true
	return q.LeasedQueue.Open(ctx)
}

func (q *queue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if q.fetch != nil {
		return q.fetch(ctx, limit)
	}
	return q.LeasedQueue.FetchTransactions(ctx, limit)
}

func (q *queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if q.dispatch != nil {
		return q.dispatch(ctx, batch)
	}
	return q.LeasedQueue.DispatchTransactions(ctx, batch)
}

func (q *queue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if q.settle != nil {
		return q.settle(ctx, batch)
	}
	return q.LeasedQueue.SettleTransactions(ctx, batch)
}

func (q *queue) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	if q.extend != nil {
		return q.extend(ctx, batch)
	}
	return q.LeasedQueue.ExtendLeases(ctx, batch)
}

func (q *queue) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	if q.resolve != nil {
		return q.resolve(ctx, id)
	}
	return q.LeasedQueue.FetchTransactionByID(ctx, id)
}

func (q *queue) CountTransactions(ctx context.Context) (int64, error) {
	if q.count != nil {
		return q.count(ctx)
	}
	return q.LeasedQueue.CountTransactions(ctx)
}

func (q *queue) Declare() capability.Declaration {
	if q.declare != nil {
		return q.declare()
	}
	return q.LeasedQueue.Declare()
}

// LeaseDuration is what a sound queue has, also of one whose leases are something else.
func (q *queue) LeaseDuration() time.Duration { return time.Minute }

func (q *queue) Close(ctx context.Context) error {
	if q.close != nil {
		return q.close(ctx)
	}
	return q.LeasedQueue.Close(ctx)
}

// brokenBy is a harness for queues that are broken in one way. Their settings are those of a sound one.
func brokenBy(settings memory.Settings, breakIt func(q *queue)) connectortest.Harness {
	return connectortest.Harness{
		New: func(*testing.T, []ergon.Transaction) connectortest.Store {
			q := &queue{LeasedQueue: memory.NewLeased(settings, time.Minute)}
			breakIt(q)
			return connectortest.Store{Connector: q, Another: func() any { return q }}
		},
		Virtual: true, Shared: true, Finite: settings.Finite,
	}
}

func each(batch []ergon.Transaction, change func(ergon.Transaction) ergon.Transaction) []ergon.Transaction {
	changed := slices.Clone(batch)
	for i, tx := range changed {
		changed[i] = change(tx)
	}
	return changed
}

// fetched has a queue change what it delivers.
func fetched(change func(call int, tx ergon.Transaction) ergon.Transaction) func(*queue) {
	return func(q *queue) {
		calls := 0
		q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
			calls++
			batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
			return each(batch, func(tx ergon.Transaction) ergon.Transaction { return change(calls, tx) }), err
		}
	}
}

// dispatched has a queue change what it keeps.
func dispatched(change func(tx ergon.Transaction) ergon.Transaction) func(*queue) {
	return func(q *queue) {
		q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
			return q.LeasedQueue.DispatchTransactions(ctx, each(batch, change))
		}
	}
}

// settled has a queue change what it is told.
func settled(change func(s *capability.Settlement)) func(*queue) {
	return func(q *queue) {
		q.settle = func(ctx context.Context, batch []capability.Settlement) error {
			batch = slices.Clone(batch)
			for i := range batch {
				change(&batch[i])
			}
			return q.LeasedQueue.SettleTransactions(ctx, batch)
		}
	}
}

// answered has a queue change what it says of settlements.
func answered(change func(err error) error) func(*queue) {
	return func(q *queue) {
		q.settle = func(ctx context.Context, batch []capability.Settlement) error {
			return change(q.LeasedQueue.SettleTransactions(ctx, batch))
		}
	}
}

// violated wants the rule that is meant for a fault to be broken.
func violated(t *testing.T, h connectortest.Harness, rule string) {
	t.Helper()
	if _, known := connectortest.Rules()[rule]; !known {
		t.Fatalf("there is no rule %q", rule)
	}
	if len(connectortest.Violations(t, h, rule)) == 0 {
		t.Errorf("%s did not catch it", rule)
	}
}

func TestSoundConnectorBreaksNoRule(t *testing.T) {
	for name, settings := range map[string]memory.Settings{
		"at once": {}, "finite": {Finite: true}, "waiting": {MaxWait: time.Second}, "deduplicating": {Dedup: true},
	} {
		t.Run(name, func(t *testing.T) {
			for rule, failures := range connectortest.Violations(t, brokenBy(settings, func(*queue) {})) {
				t.Errorf("%s: %s", rule, strings.Join(failures, "; "))
			}
		})
	}
}

func TestEveryRuleSaysWhyItExists(t *testing.T) {
	for name, why := range connectortest.Rules() {
		if len(why) < 40 || !strings.HasSuffix(why, ".") {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// Every fault is caught by the rule that is meant for it.
func TestBrokenFetchIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"ignores the limit": {"FetchKeepsToItsLimit", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				return q.LeasedQueue.FetchTransactions(ctx, limit+1)
			}
		}},
		"loses one of a batch": {"FetchDeliversEachOnce", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				return batch[:min(len(batch), 4)], err
			}
		}},
		"delivers twice": {"FetchDeliversEachOnce", func(q *queue) {
			var last []ergon.Transaction
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				if len(last) > 0 {
					again := last
					last = nil
					return again, nil
				}
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				last = slices.Clone(batch[:min(len(batch), 1)])
				return batch, err
			}
		}},
		"reverses a batch": {"FetchKeepsTheOrder", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				slices.Reverse(batch)
				return batch, err
			}
		}},
		"takes nothing for an error": {"FetchOfNothingIsNoError", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if err == nil && len(batch) == 0 {
					err = errors.New("no rows")
				}
				return batch, err
			}
		}},
		"keeps the slice": {"FetchedSliceBelongsToTheCaller", func(q *queue) {
			var mine []ergon.Transaction
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				if len(mine) == 0 {
					mine, _ = q.LeasedQueue.FetchTransactions(ctx, 100)
				}
				batch := mine[:min(limit, len(mine))]
				mine = mine[len(batch):]
				return batch, nil
			}
		}},
		"takes although the context has ended, and says nothing": {"FetchRespectsItsContext", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(context.WithoutCancel(ctx), limit)
				if ctx.Err() != nil && len(batch) > 0 {
					_ = q.LeasedQueue.SettleTransactions(context.WithoutCancel(ctx), []capability.Settlement{{Transaction: batch[0]}})
					return nil, ctx.Err()
				}
				return batch, err
			}
		}},
		"waits whatever becomes of the context": {"FetchRespectsItsContext", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(context.WithoutCancel(ctx), limit)
				if len(batch) == 0 {
					err = ergontest.Ignore(time.Minute)(ctx)
				}
				return batch, err
			}
		}},
		"forgets what a cancelled fetch took": {"CutFetchForgetsNothing", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if len(batch) > 0 { // the answer is on its way
					select {
					case <-time.After(5 * time.Millisecond):
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return batch, err
			}
		}},
		"returns what it took together with an error": {"CutFetchForgetsNothing", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if _, limited := ctx.Deadline(); limited && limit == 2 && len(batch) > 0 {
					err = context.Canceled
				}
				return batch, err
			}
		}},
		"changes numbers": {"PayloadComesAsItWas", dispatched(func(tx ergon.Transaction) ergon.Transaction {
			return tx.WithPayload([]byte(strings.ReplaceAll(string(tx.Payload().([]byte)), "12345678901234567890", "1.2345678901234567e19")))
		})},
		"drops metadata": {"MetadataComesAsItWas", dispatched(func(tx ergon.Transaction) ergon.Transaction {
			return ergon.NewTransaction(tx.ID(), tx.Payload())
		})},
		"makes ids of the delivery": {"IDsAreStable", fetched(func(call int, tx ergon.Transaction) ergon.Transaction {
			return ergon.NewTransaction(tx.ID()+strings.Repeat("'", call), tx.Payload()).WithDelivery(tx.Delivery())
		})},
		"does not count deliveries": {"DeliveriesAreCounted", fetched(func(_ int, tx ergon.Transaction) ergon.Transaction {
			d := tx.Delivery()
			d.Count = 0
			return tx.WithDelivery(d)
		})},
		"panics": {"FetchKeepsToItsLimit", func(q *queue) {
			q.fetch = func(context.Context, int) ([]ergon.Transaction, error) { panic("no rows") }
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

func TestBrokenEndIsCaught(t *testing.T) {
	for name, breakIt := range map[string]func(q *queue){
		"before its time": func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if len(batch) == 0 {
					err = ergon.ErrExhausted
				}
				return batch, err
			}
		},
		"never": func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, _ := q.LeasedQueue.FetchTransactions(ctx, limit)
				return batch, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			violated(t, brokenBy(memory.Settings{Finite: true}, breakIt), "FetchEndsByErrExhausted")
		})
	}
}

func TestBrokenSettlementIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"loses acknowledgements": {"AckRemoves", settled(func(s *capability.Settlement) {
			if s.Action == policy.SettleAck {
				s.Action = policy.SettleRequeue
			}
		})},
		"drops what is requeued": {"RequeueDeliversAgain", settled(func(s *capability.Settlement) { s.Action = policy.SettleAck })},
		"forgets the delay":      {"RequeueHoldsBackForItsDelay", settled(func(s *capability.Settlement) { s.Delay = 0 })},
		"counts interruptions":   {"InterruptedIsNotCounted", settled(func(s *capability.Settlement) { s.Interrupted = false })},
		"requeues rejects": {"RejectKeepsAside", settled(func(s *capability.Settlement) {
			if s.Action == policy.SettleReject {
				s.Action = policy.SettleRequeue
			}
		})},
		"refuses rejects without saying unsupported": {"RejectKeepsAside", func(q *queue) {
			q.settle = func(ctx context.Context, batch []capability.Settlement) error {
				if len(batch) > 0 && batch[0].Action == policy.SettleReject {
					return errors.New("cannot reject")
				}
				return q.LeasedQueue.SettleTransactions(ctx, batch)
			}
		}},
		"forgets stale":          {"SettlingTwiceIsStale", answered(func(error) error { return nil })},
		"says stale of no item":  {"SettlingTwiceIsStale", answered(hide)},
		"stale acks take effect": {"StaleDeliverySettlesNothing", staleTakesEffect},
		"fails whole batches": {"SettlementsFailOneByOne", answered(func(err error) error {
			if err != nil {
				return capability.ErrStaleDelivery
			}
			return nil
		})},
		"takes what never came from it": {"ForeignTransactionIsRefused", answered(func(err error) error {
			if err != nil && !errors.Is(err, capability.ErrStaleDelivery) {
				return nil
			}
			return err
		})},
		"keeps the batch": {"SettlerKeepsNothingOfTheBatch", func(q *queue) {
			var kept []capability.Settlement
			q.settle = func(ctx context.Context, batch []capability.Settlement) error {
				if len(batch) == 2 && batch[0].Action == policy.SettleRequeue {
					kept = batch
					return nil
				}
				return q.LeasedQueue.SettleTransactions(ctx, batch)
			}
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				if kept != nil {
					_ = q.LeasedQueue.SettleTransactions(ctx, kept)
					kept = nil
				}
				return q.LeasedQueue.FetchTransactions(ctx, limit)
			}
		}},
		"takes ended contexts for success": {"SettleRespectsItsContext", func(q *queue) {
			q.settle = func(ctx context.Context, batch []capability.Settlement) error {
				err := q.LeasedQueue.SettleTransactions(ctx, batch)
				if errors.Is(err, context.Canceled) {
					err = nil
				}
				return err
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

// hide names no item.
func hide(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("some items are stale")
}

// staleTakesEffect knows transactions by their ids, not by their deliveries.
func staleTakesEffect(q *queue) {
	current := map[string]ergon.Transaction{}
	q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
		batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
		for _, tx := range batch {
			current[tx.ID()] = tx
		}
		return batch, err
	}
	q.settle = func(ctx context.Context, batch []capability.Settlement) error {
		batch = slices.Clone(batch)
		for i := range batch {
			batch[i].Transaction = current[batch[i].Transaction.ID()]
		}
		return q.LeasedQueue.SettleTransactions(ctx, batch)
	}
}

func TestBrokenLeaseIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"never runs out": {"LeaseRunsOut", leasedFor(1000 * time.Hour)},
		"runs out early": {"LeaseRunsOut", leasedFor(30 * time.Second)},
		"extends nothing": {"ExtensionKeepsTheLease", func(q *queue) {
			q.extend = func(context.Context, []ergon.Transaction) error { return nil }
		}},
		"does not name what is lost": {"LostLeasesAreNamed", func(q *queue) {
			q.extend = func(ctx context.Context, batch []ergon.Transaction) error {
				return hide(q.LeasedQueue.ExtendLeases(ctx, batch))
			}
		}},
		"takes late acknowledgements": {"LeaseRunOutIsStale", staleTakesEffect},
		"expires before it says":      {"DeliveryExpiresWhenItSays", saysExpiry(70 * time.Second)},
		"says it expires too early":   {"DeliveryExpiresWhenItSays", saysExpiry(50 * time.Second)},
		"holds less than it declares": {"HoldEndsWhenDeclared", holdsFor(4 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

// leasedFor has leases last for d, although the queue says otherwise.
func leasedFor(d time.Duration) func(*queue) {
	return func(q *queue) { q.LeasedQueue = memory.NewLeased(memory.Settings{}, d) }
}

// saysExpiry has a queue say that its deliveries expire after d.
func saysExpiry(d time.Duration) func(*queue) {
	return fetched(func(_ int, tx ergon.Transaction) ergon.Transaction {
		delivery := tx.Delivery()
		delivery.ExpiresAt = time.Now().Add(d)
		return tx.WithDelivery(delivery)
	})
}

// holdsFor has a queue that declares a longest hold of five minutes hold for d.
func holdsFor(d time.Duration) func(*queue) {
	return func(q *queue) {
		q.LeasedQueue = memory.NewLeased(memory.Settings{MaxHold: d}, time.Minute)
		q.declare = func() capability.Declaration { return capability.Declaration{MaxHold: 5 * time.Minute} }
	}
}

func TestBrokenDispatchIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"loses the last of a batch": {"DispatchIsDurable", func(q *queue) {
			q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
				return q.LeasedQueue.DispatchTransactions(ctx, batch[:min(len(batch), 3)])
			}
		}},
		"fails for nothing": {"DispatchOfNothingSucceeds", func(q *queue) {
			q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
				if len(batch) == 0 {
					return errors.New("no values")
				}
				return q.LeasedQueue.DispatchTransactions(ctx, batch)
			}
		}},
		"loses what comes at once": {"DispatchIsSafeForConcurrentUse", func(q *queue) {
			busy := make(chan struct{}, 1)
			q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
				select {
				case busy <- struct{}{}:
				default:
					return nil
				}
				_ = ergontest.Ignore(time.Millisecond)(ctx)
				defer func() { <-busy }()
				return q.LeasedQueue.DispatchTransactions(ctx, batch)
			}
		}},
		"fails and writes all the same": {"DispatchRespectsItsContext", func(q *queue) {
			q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
				return errors.Join(ctx.Err(), q.LeasedQueue.DispatchTransactions(context.WithoutCancel(ctx), batch))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

func TestBrokenLookupIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"makes transactions up": {"UnknownIDIsErrNotFound", func(q *queue) {
			q.resolve = func(_ context.Context, id string) (ergon.Transaction, error) {
				return ergon.NewTransaction(id, nil), nil
			}
		}},
		"says not found of what there is": {"ResolveFindsByID", func(q *queue) {
			q.resolve = func(context.Context, string) (ergon.Transaction, error) {
				return ergon.Transaction{}, capability.ErrNotFound
			}
		}},
		"counts what is done": {"CountIsWhatANewLoopWouldFetch", func(q *queue) {
			q.count = func(context.Context) (int64, error) { return 5, nil }
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

func TestBrokenEndOfLifeIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"panics when it was not opened": {"CloseWithoutOpenIsHarmless", func(q *queue) {
			q.close = func(context.Context) error { panic("close of nil channel") }
		}},
		"panics when it is used before": {"UseWithoutOpenDoesNotPanic", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				if !q.opened {
					panic("nil pointer")
				}
				return q.LeasedQueue.FetchTransactions(ctx, limit)
			}
		}},
		"panics when it is closed twice": {"ClosingTwiceIsHarmless", func(q *queue) {
			closed := make(chan struct{})
			q.close = func(ctx context.Context) error {
				close(closed)
				return q.LeasedQueue.Close(ctx)
			}
		}},
		"goes on when it is closed": {"UseAfterCloseIsAnError", func(q *queue) {
			q.close = func(context.Context) error { return nil }
		}},
		"blocks when it is closed": {"UseAfterCloseIsAnError", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if errors.Is(err, memory.ErrClosed) {
					_ = ergontest.Ignore(time.Hour)(ctx)
				}
				return batch, err
			}
		}},
		"lets a fetch wait": {"CloseEndsAFetchThatWaits", func(q *queue) {
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				if err == nil && len(batch) == 0 {
					<-ctx.Done()
				}
				return batch, err
			}
		}},
		"drops what is in flight": {"UnsettledComesAgainAfterClose", func(q *queue) {
			var delivered []capability.Settlement
			q.fetch = func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
				batch, err := q.LeasedQueue.FetchTransactions(ctx, limit)
				for _, tx := range batch {
					delivered = append(delivered, capability.Settlement{Transaction: tx})
				}
				return batch, err
			}
			q.close = func(ctx context.Context) error {
				_ = q.LeasedQueue.SettleTransactions(ctx, delivered)
				return q.LeasedQueue.Close(ctx)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{}, c.breakIt), c.rule) })
	}
}

// A bubble would not come to its end either; this is the rule for connectors that do not live in one.
func TestGoroutineThatIsLeftBehindIsCaught(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	h := brokenBy(memory.Settings{}, func(q *queue) {
		q.close = func(ctx context.Context) error {
			go func() { <-release }()
			return q.LeasedQueue.Close(ctx)
		}
	})
	h.Virtual = false
	violated(t, h, "NoGoroutineIsLeftBehind")
}

func TestGoroutineThatIsLeftBehindInABubbleIsCaught(t *testing.T) {
	violated(t, brokenBy(memory.Settings{}, func(q *queue) {
		q.close = func(ctx context.Context) error {
			go func() { select {} }()
			return q.LeasedQueue.Close(ctx)
		}
	}), "NoGoroutineIsLeftBehind")
}

func TestConcurrentUseThatLosesIsCaught(t *testing.T) {
	violated(t, brokenBy(memory.Settings{}, func(q *queue) {
		var calls atomic.Int64
		q.settle = func(ctx context.Context, batch []capability.Settlement) error {
			if calls.Add(1)%5 == 0 {
				return nil
			}
			return q.LeasedQueue.SettleTransactions(ctx, batch)
		}
	}), "ConcurrentUseLosesNothing")
}
