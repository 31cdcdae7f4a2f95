// Package coalesce joins concurrent dispatches to one connector into batch calls [B2], so that many transactions become durable
// for the price of one. Decision 0007.
package coalesce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/tracecontext"
	"github.com/ergon-go/ergon/policy"
)

// errGivenUp is for an attempt that continues after it was given up: whatever context it uses, it dispatches nothing [T1].
var errGivenUp = errors.New("not dispatched: the attempt that it belongs to was given up")

// Coalescer is a connector as a task dispatches to it. Safe for concurrent use.
//
// A dispatch that finds no call in progress is made at once, on its caller's goroutine. Those that come meanwhile wait and make the
// next call together: when the call returns, when they fill a batch, or when the first has waited for the interval. Each caller
// gets the result of its own transactions and nothing else, and its own listener the reports about them [I2].
//
// What a hybrid task dispatches to the store of its source is not sent at all: a [Collector] takes it [B3].
//
// Methods of a payload are called on the caller's goroutine before its dispatch is joined, so that one that hangs delays its own
// caller only [F1].
type Coalescer struct {
	to    ergon.Dispatcher
	batch policy.ProducerBatch

	direct  atomic.Int64 // calls in progress, or about to begin, behind which nothing waits
	awaited atomic.Bool  // Flush was called: who ends the last direct call wakes it. Never reset

	// mu guards what follows; of each request call, abandoned and, until done is closed, err; and batchCall.abandoned. No foreign code
	// runs under it [F1].
	mu       sync.Mutex
	joinable int         // calls in progress behind which others wait; at most maxCalls, and not those that hang
	hanging  int         // calls in progress that all of their callers have abandoned; at most maxHanging
	waiting  []*request  // in the order in which they came
	queued   int         // transactions in waiting
	timer    *time.Timer // for the first of waiting; nil: none was needed yet
	flushes  []chan struct{}
	store    Store // that was asked last
	shares   bool  // its answer
}

var _ ergon.Dispatcher = (*Coalescer)(nil)

// New makes a coalescer before a connector. A batch of size 1 joins nothing.
func New(to ergon.Dispatcher, batch policy.ProducerBatch) *Coalescer {
	return &Coalescer{to: to, batch: batch}
}

// SetBatch changes how dispatches are joined. It is called before anything is dispatched.
func (c *Coalescer) SetBatch(batch policy.ProducerBatch) { c.batch = batch }

// DispatchTransactions returns the result of batch, or the cause of ctx as soon as that ends. Then batch may become durable all the
// same, unless its call had not begun.
func (c *Coalescer) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return fmt.Errorf("not dispatched: %w", context.Cause(ctx))
	}
	attempt := fence.Of(ctx)
	if givenUp(attempt) {
		return errGivenUp
	}
	if collector, ok := ctx.Value(CollectorKey{}).(Collector); ok {
		batch = collector.Derive(batch)
		if c.sharesStore(collector.Store()) {
			return c.collect(ctx, attempt, collector, batch)
		}
	}
	batch = tracecontext.InjectAll(ctx, batch)
	if c.batch.Size <= 1 || len(batch) == 0 || len(batch) >= c.batch.Size {
		c.direct.Add(1)
		return c.dispatchDirect(ctx, batch)
	}
	if err := tryPayloads(attempt, batch); err != nil {
		return err
	}
	r := c.join(ctx, attempt, batch)
	if r == nil {
		defer c.returned()
		return c.dispatch(ctx, batch)
	}
	return c.await(ctx, r)
}

// await returns the result of r. A call that failed as a whole does not say whose fault that was: r then dispatches by itself.
func (c *Coalescer) await(ctx context.Context, r *request) error {
	select {
	case <-r.done:
	case <-ctx.Done():
		if c.abandon(r) {
			return fmt.Errorf("dispatch given up: %w", context.Cause(ctx))
		}
	}
	switch {
	case r.err != errSplit: //nolint:errorlint // itself
		r.report(ctx)
		return r.err
	case givenUp(r.attempt):
		c.directReturned()
		return errGivenUp
	default:
		return c.dispatchDirect(ctx, r.transactions)
	}
}

// dispatchDirect is a call that joins nothing. Its caller has counted it in direct; it counts as long as it runs, also if its
// caller has given it up.
func (c *Coalescer) dispatchDirect(ctx context.Context, batch []ergon.Transaction) error {
	defer c.directReturned()
	return c.dispatch(ctx, batch)
}

// dispatch calls the connector for one caller. It is a failure for that caller if the connector names items outside of the batch.
func (c *Coalescer) dispatch(ctx context.Context, batch []ergon.Transaction) error {
	return foreign.CheckBatch(c.to.DispatchTransactions(ctx, batch), len(batch)) //nolint:wrapcheck // the connector's own
}

func (c *Coalescer) directReturned() {
	if c.direct.Add(-1) == 0 && c.awaited.Load() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.signalIdle()
	}
}

// tryPayloads calls the methods of payloads that are not ours. The attempt may be given up meanwhile.
func tryPayloads(attempt fence.Attempt, batch []ergon.Transaction) error {
	for _, tx := range batch {
		if tx.PayloadCallsMethods() {
			tryPayload(tx)
		}
	}
	if givenUp(attempt) {
		return errGivenUp
	}
	return nil
}

// tryPayload copies and encodes a payload as a connector may do, and drops the result.
func tryPayload(tx ergon.Transaction) {
	defer func() { _ = recover() }()  // the connector that encodes it reports that
	_, _ = json.Marshal(tx.Payload()) //nolint:errchkjson // only whether it returns counts
}

func givenUp(attempt fence.Attempt) bool { return attempt != nil && attempt.GivenUp() }
