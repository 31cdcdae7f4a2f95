package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// FetchError ends a loop whose fetch failed permanently, after everything in flight was settled.
type FetchError struct {
	Connector string
	// Err is the last attempt's, a *ergon.TransactionError.
	Err error
}

var _ error = (*FetchError)(nil)

func (e *FetchError) Error() string {
	return fmt.Sprintf("fetch from connector %q: %v", e.Connector, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }

// errFetchGoesOn is the error of a fetch that is not made, because nothing may overtake what an earlier one may still bring.
var errFetchGoesOn = errors.New("an earlier fetch was given up and has not returned; the source settles in order, so none may overtake it")

// fetcher calls a source to fetch, within the limits of the fetch policy. A call that was given up goes on for as long as it likes;
// what it brings then is given back. A source that settles in order takes nothing back: there it is the result of the next call, and no
// call is made before the earlier one has returned.
type fetcher struct {
	source        ergon.Fetcher
	retry         policy.Retry
	hanging       *Hanging
	stall         *stallDetector
	requeueUnused func([]ergon.Transaction) // requeues transactions, and waits for that
	deliveries    *deliveries               // nil: the source is neither attached nor in order

	inProgress atomic.Int64  // calls that have not ended: they may bring something, or it is not requeued yet
	ended      chan struct{} // signals that inProgress is 0
}

// fetch fetches up to n transactions, with retries. first is the first attempt if a worker has made it.
func (f *fetcher) fetch(ctx context.Context, n int, first *atomic.Pointer[inline.Call[fetched]]) (fetched, error) {
	got, err := ergon.RunFn(ctx, f.retry, func(ctx context.Context) (fetched, error) {
		if made := first.Swap(nil); made != nil {
			return made.Adopt(ctx)
		}
		return f.call(ctx, n)
	}, ergon.SpanName(spans.Fetch), ergon.OnLateResult(func(result any, err error) {
		if late, ok := result.(fetched); ok {
			f.late(late, err)
		}
	}))
	if made := first.Swap(nil); made != nil { // no attempt adopted it
		made.Drop()
	}
	return got, err
}

// firstAttempt is an attempt that a worker makes on its own goroutine.
func (f *fetcher) firstAttempt(ctx context.Context, n int) *inline.Call[fetched] {
	return inline.New(ctx, f.retry.Timeout, func(ctx context.Context) (fetched, error) { return f.call(ctx, n) }, f.late)
}

// call calls the source once. With transactions, whoever gets them calls end; otherwise the call has ended by itself.
func (f *fetcher) call(ctx context.Context, n int) (got fetched, err error) {
	f.inProgress.Add(1)
	defer func() {
		if len(got.transactions) == 0 {
			f.end()
		}
	}()
	if ctx.Err() != nil { // given up before it began
		return fetched{}, context.Cause(ctx)
	}
	if f.deliveries.keepsInPlace() {
		if late := f.deliveries.takeLate(); late != nil {
			return fetched{transactions: late}, nil
		}
		if f.inProgress.Load() > 1 {
			return fetched{}, errFetchGoesOn
		}
	}
	if err := f.hanging.enter(callFetch); err != nil {
		return fetched{}, err
	}
	defer f.hanging.leave(callFetch)
	txs, revoked, err := f.fetchHeld(ctx, n)
	err = foreign.Read(err)
	if errors.Is(err, ergon.ErrExhausted) {
		return fetched{transactions: txs, exhausted: true}, nil
	}
	f.stall.expectDelayOf(err)
	if err != nil {
		f.unwanted(txs)
		return fetched{}, err
	}
	return fetched{transactions: txs, revoked: revoked}, nil
}

// fetchHeld calls the source, and enters what it brings in the table of deliveries; revoked: not all of it.
func (f *fetcher) fetchHeld(ctx context.Context, n int) (txs []ergon.Transaction, revoked bool, err error) {
	if f.deliveries != nil {
		since := f.deliveries.fetchBegins()
		defer func() { // also if it panics
			brought := len(txs)
			txs = f.deliveries.fetchEnds(since, txs)
			revoked = len(txs) < brought
		}()
	}
	txs, err = f.source.FetchTransactions(ctx, n)
	return txs, false, err
}

// late is called with the result of a call that was given up.
func (f *fetcher) late(got fetched, _ error) {
	if len(got.transactions) > 0 {
		f.unwanted(got.transactions)
		f.end()
	}
}

// unwanted gives back what a call has brought in vain, or keeps it for the next call.
func (f *fetcher) unwanted(txs []ergon.Transaction) {
	switch {
	case len(txs) == 0:
	case f.deliveries.keepsInPlace():
		f.deliveries.keepLate(txs)
	default:
		f.requeueUnused(txs)
	}
}

// end ends a call: what it brought is accepted or given back.
func (f *fetcher) end() {
	if f.inProgress.Add(-1) == 0 {
		signal(f.ended)
	}
}

// wait waits until no call is in progress, at most for d, less when force is closed. No call may begin meanwhile.
func (f *fetcher) wait(d time.Duration, force <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for f.inProgress.Load() > 0 {
		select {
		case <-f.ended:
		case <-timer.C:
			return
		case <-force:
			return
		}
	}
}
