package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// hybrid prepares the outbound transactions of a loop by the producer policy: all inbound transactions share its slots and its
// throttle [B3]. Nil is a loop of a task that is not a hybrid.
type hybrid struct {
	hybridParts

	limiter   *rate.Limiter // nil: no throttle
	outOfTime error         // ends an outbound transaction at its timeout; nil: it has none
	slots     chan struct{} // holds one for each outbound transaction in progress
	mayInline bool          // a single one may be prepared on its worker [decision 44]
	inlineOK  atomic.Bool   // the last one was quick enough for that

	mu         sync.Mutex // guards what follows
	inProgress map[*preparation]struct{}
	stopping   bool
}

// hybridParts is what preparing needs of a loop.
type hybridParts struct {
	handlers *ergon.Task
	policy   policy.Producer
	scope    spans.Scope // of the loop
	clock    clock
	observer outboundObserver
	traced   bool // attempts may have spans
	pinned   bool // workers keep their thread, so none can be replaced quickly
	hop      *hop // nil: whatever is prepared is dispatched at once
}

// outboundObserver counts and reports the ends of outbound transactions and of their attempts. No lock is held while it is called.
type outboundObserver interface {
	// Started begins the span of an outbound transaction and puts it into its metadata.
	Started(ctx context.Context, tx *ergon.Transaction) (context.Context, trace.Span)
	// Ended is called for each that was started. failed is nil for success.
	Ended(ctx context.Context, span trace.Span, tx ergon.Transaction, began instant, failed *ergon.TransactionError)
	// ExceptionHandlerFailed is called if the exception handler of a failed one has failed permanently, too.
	ExceptionHandlerFailed(ctx context.Context, failed *ergon.TransactionError)
	// Attempted is called at the end of an attempt in time, and when one is given up.
	Attempted(ctx context.Context, phase lifecycle.Phase, event lifecycle.Event, took instant)
	// Retried is called when another attempt begins.
	Retried()
	// GivenUp is called for an attempt that was given up; returnedLate reports whether its handler has returned since [T2].
	GivenUp(ctx context.Context, returnedLate func() bool)
	// ReturnedLate is called when that handler has returned.
	ReturnedLate(ctx context.Context, err error)
}

func newHybrid(parts hybridParts) *hybrid {
	h := &hybrid{hybridParts: parts, slots: make(chan struct{}, parts.policy.Loop.Concurrency.Value), inProgress: map[*preparation]struct{}{}}
	if t := h.policy.Loop.Throttle; t.Rate > 0 {
		h.limiter = rate.NewLimiter(rate.Limit(t.Rate), t.Burst)
	}
	if limit := h.policy.Loop.TransactionTimeout; limit > 0 {
		h.outOfTime = fmt.Errorf("%w of %s", ergon.ErrTransactionTimeout, limit)
	}
	h.mayInline = h.limiter == nil && h.handlers.PrepareSuccess == nil && !h.traced && !h.pinned &&
		h.policy.Prepare.Retry.Timeout > inline.HandOffAfter
	h.inlineOK.Store(true)
	if h.handlers.PrepareSuccess != nil { // it runs when its transaction is durable, which is before the acknowledgement
		h.hop = nil
	}
	return h
}

// deadline is that of an outbound transaction that begins now, if it is earlier than the inbound attempt's.
func (h *hybrid) deadline(inbound instant) (at instant, earlier bool) {
	if h.outOfTime == nil {
		return 0, false
	}
	at = h.clock.Now().After(h.policy.Loop.TransactionTimeout)
	return at, at < inbound
}

// begin counts p as in progress, until it ends.
func (h *hybrid) begin(p *preparation) {
	h.mu.Lock()
	h.inProgress[p] = struct{}{}
	stopping := h.stopping
	h.mu.Unlock()
	if stopping {
		p.halt()
	}
}

func (h *hybrid) end(p *preparation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.inProgress, p)
}

// stop ends every backoff, now and from now on: a shutdown has begun [R1].
func (h *hybrid) stop() {
	if h == nil {
		return
	}
	h.mu.Lock()
	h.stopping = true
	inProgress := make([]*preparation, 0, len(h.inProgress))
	for p := range h.inProgress {
		inProgress = append(inProgress, p)
	}
	h.mu.Unlock()
	for _, p := range inProgress {
		p.halt()
	}
}

// errReleased is why an inbound transaction is requeued by a shutdown: one of its outbound transactions is in a backoff.
var errReleased = errors.New("in a backoff when the shutdown began")

// outboundError is why an inbound transaction failed in its prepare phase.
type outboundError struct {
	id    string
	cause *ergon.TransactionError
}

// Error leaves category and attempts to the error that wraps it.
func (e *outboundError) Error() string {
	if e.cause.Phase == policy.PhasePrepare {
		return fmt.Sprintf("outbound transaction %s: %v", e.id, e.cause.Err)
	}
	return fmt.Sprintf("outbound transaction %s: %s: %v", e.id, e.cause.Phase, e.cause.Err)
}

func (e *outboundError) Unwrap() error { return e.cause }

// ofOutbound gives err, the error of a prepare phase that failed permanently, the attempts of the outbound transaction that failed.
func ofOutbound(err *ergon.TransactionError) {
	read := foreign.Of(err.Err)
	if read == nil {
		return
	}
	of, ok := read.Returned().(*outboundError) //nolint:errorlint // itself: what prepare returned
	if !ok {
		return
	}
	err.Attempts, err.First, err.Stack = of.cause.Attempts, of.cause.First, of.cause.Stack
	if err.Category != ergon.CategoryTimeout {
		err.Category = of.cause.Category
	}
}
