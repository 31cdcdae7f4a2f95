package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/tracecontext"
	"github.com/ergon-go/ergon/policy"
)

const (
	// maxCalls bounds how many calls of a connector are under way at once, while all of them are waited for.
	maxCalls = 16
	// maxHanging bounds how many calls may hang that nobody waits for any more.
	maxHanging = 64
)

// errHanging keeps a connector that never returns from gathering calls without end.
var errHanging = errors.New("too many dispatches of the connector were given up and have not returned; have it heed its context")

// errAlone tells a caller to dispatch by itself.
var errAlone = errors.New("the call failed as a whole")

// errGivenUp is what an attempt hears that goes on after it was given up.
var errGivenUp = errors.New("not dispatched: the attempt that it belongs to was given up")

// Coalescer is a connector as a task dispatches to it. Dispatches that come while a call is under way are joined and make the next
// call together, so that many transactions become durable for the price of one; one that finds no call under way is made at
// once, on its caller's goroutine. Each caller is told the fate of its own transactions and nothing else, and its own listener
// hears what the connector knew already of them ([capability.ReportDispatch]). Safe for concurrent use.
//
// What a hybrid task dispatches to the store that its source is in is not sent at all, but becomes durable together with the
// acknowledgement of the inbound transaction, or not [B3].
//
// What an attempt dispatches after it was given up goes nowhere [T1].
//
// Methods of a payload that are not ours are tried on the caller's goroutine before it is joined, so that one that does not return
// holds up its caller only [F1].
type Coalescer struct {
	to    ergon.Dispatcher
	batch policy.ProducerBatch

	alone   atomic.Int64 // calls under way that join nothing, however many
	awaited atomic.Bool  // somebody waits for the last of them

	mu      sync.Mutex
	calls   int // under way, and waited for
	hanging int // under way, and given up by all of their callers
	waiting []*request
	queued  int         // transactions in waiting
	timer   *time.Timer // for the request that has waited longest; nil: none was needed yet
	idle    []chan struct{}
	asked   *hop // the loop that shares is about
	shares  bool
}

var _ ergon.Dispatcher = (*Coalescer)(nil)

// request is what one caller dispatches.
type request struct {
	ctx          context.Context //nolint:containedctx // the caller's, as long as it waits
	of           fence.Attempt   // nil: none
	transactions []ergon.Transaction
	since        time.Time
	result       chan error
	reports      []report   // of its transactions; set before result
	call         *batchCall // nil while it waits; guarded by Coalescer.mu
}

// NewCoalescer makes a coalescer to a connector. A batch of size 1 joins nothing.
func NewCoalescer(to ergon.Dispatcher, batch policy.ProducerBatch) *Coalescer {
	return &Coalescer{to: to, batch: batch}
}

// Join changes how dispatches are joined. It is called before anything is dispatched.
func (o *Coalescer) Join(batch policy.ProducerBatch) { o.batch = batch }

// DispatchTransactions returns what became of batch, once that is known, or as soon as ctx ends. Then batch may become
// durable all the same, unless its call had not begun.
func (o *Coalescer) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return fmt.Errorf("not dispatched: %w", context.Cause(ctx))
	}
	of := fence.Of(ctx)
	if of != nil && of.GivenUp() { // whatever context it uses
		return errGivenUp
	}
	if c, ok := ctx.Value(collectorKey{}).(*collector); ok {
		batch = c.derived(batch)
		if c.hop != nil && o.sharesStore(c.hop) {
			if err := tryPayloads(of, batch); err != nil {
				return err
			}
			return c.add(o.to, tracecontext.InjectAll(ctx, batch))
		}
	}
	batch = tracecontext.InjectAll(ctx, batch)
	if o.batch.Size <= 1 || len(batch) == 0 || len(batch) >= o.batch.Size {
		return o.direct(ctx, batch)
	}
	if err := tryPayloads(of, batch); err != nil {
		return err
	}
	p := o.enter(ctx, of, batch)
	if p == nil {
		defer o.finish()
		return o.to.DispatchTransactions(ctx, batch)
	}
	err, known := o.wait(ctx, p)
	switch {
	case !known:
		return fmt.Errorf("dispatch given up: %w", context.Cause(ctx))
	case err == errAlone && of != nil && of.GivenUp(): //nolint:errorlint // itself
		return errGivenUp
	case err == errAlone: //nolint:errorlint // itself
		return o.direct(ctx, batch)
	default:
		p.hear(ctx)
		return err
	}
}

// tryPayloads is called before batch meets what others dispatch. The attempt may have been given up meanwhile.
func tryPayloads(of fence.Attempt, batch []ergon.Transaction) error {
	for _, tx := range batch {
		tx.TryPayload()
	}
	if of != nil && of.GivenUp() {
		return errGivenUp
	}
	return nil
}

// direct is a call that joins nothing. It is counted as long as it goes on, whoever has given it up.
func (o *Coalescer) direct(ctx context.Context, batch []ergon.Transaction) error {
	o.alone.Add(1)
	defer func() {
		if o.alone.Add(-1) == 0 && o.awaited.Load() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.quiet()
		}
	}()
	return o.to.DispatchTransactions(ctx, batch)
}

// sharesStore asks, once for each loop, whether what is dispatched here can hop.
func (o *Coalescer) sharesStore(h *hop) bool {
	o.mu.Lock()
	asked, shares := o.asked, o.shares
	o.mu.Unlock()
	if asked == h {
		return shares
	}
	shares = h.hopper.SharesStore(o.to)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.shares = h, shares
	return shares
}

// wait returns what became of p, unless ctx ends before that is known.
func (o *Coalescer) wait(ctx context.Context, p *request) (err error, known bool) { //nolint:revive // the error is what it waits for
	select {
	case err = <-p.result:
		return err, true
	case <-ctx.Done():
		o.leave(p)
	}
	select {
	case err = <-p.result:
		return err, true
	default:
		return nil, false
	}
}

// enter has batch wait for others; nil: no call is under way, so it is made at once.
func (o *Coalescer) enter(ctx context.Context, of fence.Attempt, batch []ergon.Transaction) *request {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := &request{ctx: ctx, of: of, transactions: batch, since: time.Now(), result: make(chan error, 1)}
	switch {
	case o.hanging >= maxHanging:
		p.result <- errHanging
		return p
	case o.calls == 0 && len(o.waiting) == 0:
		o.calls++
		return nil
	}
	o.waiting = append(o.waiting, p)
	o.queued += len(batch)
	if o.queued >= o.batch.Size {
		o.send()
	}
	if len(o.waiting) == 1 {
		o.alarm()
	}
	return p
}

// send makes a call of what waits, the oldest first, where another call is allowed. The lock is held.
func (o *Coalescer) send() {
	if len(o.waiting) == 0 || o.calls >= maxCalls {
		return
	}
	call, n, size := &batchCall{requests: make([]*request, 0, min(len(o.waiting), o.batch.Size))}, 0, 0
	for ; n < len(o.waiting); n++ {
		p := o.waiting[n]
		if p.of != nil && p.of.GivenUp() {
			o.queued -= len(p.transactions)
			p.result <- errGivenUp
			continue
		}
		if len(call.requests) > 0 && size+len(p.transactions) > o.batch.Size {
			break
		}
		size += len(p.transactions)
		call.requests = append(call.requests, p)
	}
	o.waiting = slices.Delete(o.waiting, 0, n)
	o.queued -= size
	if len(call.requests) == 0 {
		o.quiet()
		return
	}
	o.calls++
	// The call belongs to all of them, so no one's end is its end. It is seen as a part of what the first does.
	ctx, cancel := context.WithCancel(context.WithoutCancel(call.requests[0].ctx))
	call.cancel = cancel
	for _, p := range call.requests {
		p.call = call
	}
	go o.call(ctx, call, size)
	o.alarm()
}

func (o *Coalescer) call(ctx context.Context, call *batchCall, size int) {
	defer call.cancel()
	batch := make([]ergon.Transaction, 0, size)
	for _, p := range call.requests {
		batch = append(batch, p.transactions...)
	}
	err, read := errAlone, errAlone // where it panics, each caller finds that out by itself
	defer func() {
		_ = recover()
		call.tell(err, read)
		o.returned(call)
	}()
	answer := o.to.DispatchTransactions(capability.WithDispatchReport(ctx, call.reports.add), batch)
	read = foreign.Read(answer)
	err = answer
}

// leave is called for a caller that does not wait any more. What has not been sent yet never is.
func (o *Coalescer) leave(p *request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.call == nil {
		if i := slices.Index(o.waiting, p); i >= 0 {
			o.waiting = slices.Delete(o.waiting, i, i+1)
			o.queued -= len(p.transactions)
			o.quiet()
		}
		return
	}
	p.call.left++
	if p.call.left == len(p.call.requests) {
		p.call.cancel()
		o.calls--
		o.hanging++
		o.send()
	}
}

// returned is called when a joined call has come back.
func (o *Coalescer) returned(call *batchCall) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if call.left == len(call.requests) {
		o.hanging--
	} else {
		o.calls--
		call.left = -1 // nobody leaves it any more
	}
	o.send()
	o.quiet()
}

// finish is called when a call on its caller's own goroutine has come back.
func (o *Coalescer) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls--
	o.send()
	o.quiet()
}

// alarm sees to it that what waits longest does not wait for longer than the interval. The lock is held.
func (o *Coalescer) alarm() {
	if len(o.waiting) == 0 {
		return
	}
	wait := max(time.Until(o.waiting[0].since.Add(o.batch.Interval)), 0)
	if o.timer == nil {
		o.timer = time.AfterFunc(wait, o.overdue)
		return
	}
	o.timer.Reset(wait)
}

// overdue makes a call beside those that are under way. Where there may be no more of them, the next that comes back does.
func (o *Coalescer) overdue() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) > 0 && time.Since(o.waiting[0].since) >= o.batch.Interval {
		o.send()
	}
}

// Idle reports whether no call is under way.
func (o *Coalescer) Idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls == 0 && o.hanging == 0 && len(o.waiting) == 0 && o.alone.Load() == 0
}

// Flush waits until no call is under way, at most until ctx ends.
func (o *Coalescer) Flush(ctx context.Context) error {
	o.mu.Lock()
	done := make(chan struct{})
	o.idle = append(o.idle, done)
	o.awaited.Store(true) // before looking, so that what ends from now on is not missed
	o.quiet()
	o.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("a dispatch has not returned: %w", context.Cause(ctx))
	}
}

// quiet tells whoever waits for it that nothing is under way. The lock is held.
func (o *Coalescer) quiet() {
	if o.calls > 0 || o.hanging > 0 || len(o.waiting) > 0 || o.alone.Load() > 0 {
		return
	}
	for _, done := range o.idle {
		close(done)
	}
	o.idle = nil
}
