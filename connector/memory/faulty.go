package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ ergon.Fetcher          = (*FaultyQueue)(nil)
	_ ergon.Dispatcher       = (*FaultyQueue)(nil)
	_ capability.Settler     = (*FaultyQueue)(nil)
	_ capability.LeaseKeeper = (*FaultyLeasedQueue)(nil)
)

// FaultyQueue is a queue with scripted faults, for tests. Its behaviour depends only on the script and on the order of the
// calls. Without a fault, an operation has the same result as on the queue itself.
type FaultyQueue struct {
	*Queue
	script *script
}

// FaultyLeasedQueue is a [FaultyQueue] with leases.
type FaultyLeasedQueue struct {
	*FaultyQueue
	leased *LeasedQueue
}

// WithFaults puts a script in front of a queue. Several faults of one call occur in the order of the script.
func WithFaults(queue *Queue, faults ...Fault) *FaultyQueue {
	return &FaultyQueue{Queue: queue, script: newScript(faults)}
}

// WithLeaseFaults is WithFaults for a queue with leases.
func WithLeaseFaults(queue *LeasedQueue, faults ...Fault) *FaultyLeasedQueue {
	return &FaultyLeasedQueue{FaultyQueue: WithFaults(queue.Queue, faults...), leased: queue}
}

// UnusedFaults returns the faults that have not occurred. A test should check that there are none.
func (q *FaultyQueue) UnusedFaults() []Fault { return q.script.unused() }

// DispatchTransactions dispatches to the queue, with the faults of the script.
func (q *FaultyQueue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	self := func(t ergon.Transaction) ergon.Transaction { return t }
	return callWithFaults(ctx, q, OnDispatch, batch, self, q.Queue.DispatchTransactions)
}

// SettleTransactions settles with the queue, with the faults of the script.
func (q *FaultyQueue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	settled := func(s capability.Settlement) ergon.Transaction { return s.Transaction }
	return callWithFaults(ctx, q, OnSettle, batch, settled, q.Queue.SettleTransactions)
}

// LeaseDuration returns the lease of the queue.
func (q *FaultyLeasedQueue) LeaseDuration() time.Duration { return q.leased.LeaseDuration() }

// ExtendLeases extends leases of the queue, with the faults of the script.
func (q *FaultyLeasedQueue) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	self := func(t ergon.Transaction) ergon.Transaction { return t }
	return callWithFaults(ctx, q.FaultyQueue, OnExtend, batch, self, q.leased.ExtendLeases)
}

// callWithFaults runs one operation on a batch under the script.
func callWithFaults[T any](ctx context.Context, q *FaultyQueue, on Operation, batch []T,
	transactionOf func(T) ergon.Transaction, operate func(context.Context, []T) error,
) error {
	transactions := make([]ergon.Transaction, len(batch))
	for i, item := range batch {
		transactions[i] = transactionOf(item)
	}
	all := func(f Fault) bool { return f.kind != dropDelivery || on != OnDispatch }
	effects := effects{failures: failures{}, skip: map[int]bool{}, late: failures{}}
	for _, f := range q.script.due(on, q.script.begin(on), transactions, all) {
		var err error
		if ctx, err = effects.apply(ctx, q.Queue, f, transactions); err != nil {
			return err
		}
	}
	return runWithEffects(ctx, batch, effects, operate)
}

// blow is what the faults do to one batch, by the index of the item.
type effects struct {
	failures failures     // not carried out and reported as failed
	skip     map[int]bool // not carried out and reported as done
	late     failures     // carried out and reported as failed
	broken   error        // carried out and reported as failed as a whole
}

// apply returns an error where the operation fails as a whole and has no effect.
func (b *effects) apply(ctx context.Context, q *Queue, f Fault, batch []ergon.Transaction) (context.Context, error) {
	whole := len(f.ids) == 0
	switch {
	case f.kind == stall:
		return f.hold(ctx)
	case f.kind == fail && whole:
		return ctx, fmt.Errorf("memory: %s: %w", f.on, f.err)
	case f.kind == loseReply && whole:
		b.broken = fmt.Errorf("memory: %s: reply lost: %w", f.on, f.err)
		return ctx, nil
	}
	for i, t := range batch {
		if !f.concerns(t.ID()) {
			continue
		}
		switch f.kind {
		case fail:
			b.failures.add(i, f.err)
		case loseReply:
			b.late.add(i, f.err)
		case loseAck:
			q.takeBack(t, false)
			b.skip[i] = true
		default: // dropDelivery; the rest are faults of a fetch
			q.takeBack(t, false)
		}
	}
	return ctx, nil
}

// runWithEffects runs the operation on what the faults left of the batch and reports the failures by their place in all of it.
func runWithEffects[T any](ctx context.Context, batch []T, b effects, operate func(context.Context, []T) error) error {
	var rest []T
	var places []int
	for i, item := range batch {
		if b.failures[i] == nil && !b.skip[i] {
			rest, places = append(rest, item), append(places, i)
		}
	}
	err := operate(ctx, rest)
	if partly, ok := errors.AsType[*ergon.BatchError](err); ok {
		for i, failure := range partly.Failures {
			b.failures.add(places[i], failure)
		}
	} else if err != nil {
		return err
	}
	for i, failure := range b.late {
		b.failures.add(i, failure)
	}
	if b.broken != nil {
		return b.broken
	}
	return b.failures.err()
}

// takeBack takes a delivery back, if it is still live; uncounted as if it had never been made.
func (q *Queue) takeBack(t ergon.Transaction, uncounted bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it, err := q.delivered(t)
	if err != nil {
		return // it is back already
	}
	if uncounted {
		it.count--
	}
	q.giveBack(it)
	q.arrived.raise()
}
