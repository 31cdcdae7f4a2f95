package coalesce

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/foreign"
)

// errSplit is the result of a request whose call failed as a whole: nothing of it is durable, and each caller dispatches by itself,
// as if there were no others. The caller finds itself counted in Coalescer.direct.
var errSplit = errors.New("the call failed as a whole")

// batchCall is one call for several callers. It lasts until the connector returns, whoever has left it: its callers are bounded by
// their contexts, the call itself is not, and counts as hanging when all of them have left.
type batchCall struct {
	requests  []*request
	size      int // transactions in requests
	reports   reports
	shared    sharedContext // memory of the context that start returns
	cancel    context.CancelFunc
	abandoned int // callers that do not wait any more; guarded by Coalescer.mu
}

// sharedContext has the values of the first caller's context, so that the call is seen as a part of what that one does, and not its
// end. The attempt and the collector are that caller's alone, so they are not in it.
type sharedContext struct {
	context.Context //nolint:containedctx // without its end
}

// Value answers for all callers.
func (s *sharedContext) Value(key any) any {
	switch key.(type) {
	case fence.Key, CollectorKey:
		return nil
	default:
		return s.Context.Value(key)
	}
}

func (b *batchCall) add(r *request) {
	b.requests = append(b.requests, r)
	b.size += len(r.transactions)
}

// start takes the requests out of the queue and returns the context of the call. Coalescer.mu is held.
func (b *batchCall) start() context.Context {
	b.shared = sharedContext{context.WithoutCancel(b.requests[0].ctx)}
	ctx, cancel := context.WithCancel(&b.shared)
	b.cancel = cancel
	for _, r := range b.requests {
		r.call = b
	}
	return ctx
}

func (b *batchCall) isAbandoned() bool { return b.abandoned == len(b.requests) }

func (b *batchCall) transactions() []ergon.Transaction {
	all := make([]ergon.Transaction, 0, b.size)
	for _, r := range b.requests {
		all = append(all, r.transactions...)
	}
	return all
}

// make makes the call, on a goroutine of its own. If the connector or a method of its error panics, each caller dispatches by itself,
// and the one at fault gets the panic on its own goroutine [F1].
func (c *Coalescer) make(ctx context.Context, call *batchCall) {
	defer call.cancel()
	err, read := errSplit, errSplit
	defer func() {
		_ = recover()
		c.finish(call, err, read)
	}()
	returned := c.to.DispatchTransactions(capability.WithDispatchReport(ctx, call.reports.add), call.transactions())
	returned = foreign.CheckBatch(returned, call.size)
	read = foreign.Read(returned)
	err = returned
}

// finish gives each caller that still waits its result: nil, its part of a *BatchError, or errSplit if a call for several failed as a
// whole. err is what the connector returned, for a caller that was alone; read is what was read of it, which decides.
func (c *Coalescer) finish(call *batchCall, err, read error) {
	failed, _ := errors.AsType[*ergon.BatchError](read)
	partial := failed != nil
	if err == nil || partial {
		call.assignReports(failed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.isAbandoned() {
		c.hanging--
	} else {
		c.joinable--
	}
	first := 0
	for _, r := range call.requests {
		result := err
		switch {
		case partial:
			result = failuresOf(failed, first, len(r.transactions))
		case err != nil && len(call.requests) > 1:
			result = errSplit
		}
		first += len(r.transactions)
		c.deliver(r, result)
	}
	c.send()
	c.signalIdle()
}

// failuresOf returns the failures of n items from first, counted from 0; nil for none.
func failuresOf(batch *ergon.BatchError, first, n int) error {
	failures := map[int]error{}
	for i := range n {
		if err := batch.Failures[first+i]; err != nil {
			failures[i] = err
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: failures}
}
