package pipeline

import (
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// flight is one transaction between fetch and settlement. At any time one goroutine owns it: the worker or takeover that
// runs it, then the settler. Only lost may be touched by others.
type flight struct {
	tx       ergon.Transaction
	result   any
	failure  *failure               // nil while nothing has failed
	traced   *traced                // nil when nothing is recorded
	deadline instant                // of the transaction; 0 before the first attempt, or for none
	began    instant                // when the first attempt started
	permit   adaptivelimiter.Permit // nil where the concurrency is fixed
	state    lifecycle.State
	attempts int32       // started in the current phase
	lost     atomic.Bool // the source has taken the delivery back
}

// failure is what went wrong in a flight, kept apart because most flights have none.
type failure struct {
	first, last error // of the current phase
	cause       *ergon.TransactionError
	handler     *ergon.TransactionError // the exception handler's own failure
	disposition ergon.Disposition
}

// failed records what an attempt failed with.
func (f *flight) failed(err error) {
	if f.failure == nil {
		f.failure = &failure{}
	}
	if f.failure.first == nil {
		f.failure.first = err
	}
	f.failure.last = err
}

// batch is what one fetch brought, handed out by a cursor.
type batch struct {
	flights []*flight
	cursor  atomic.Int64
}

// claim takes the next flight, and says whether others are left.
func (b *batch) claim() (f *flight, more bool) {
	n := int64(len(b.flights))
	if b.cursor.Load() >= n {
		return nil, false
	}
	i := b.cursor.Add(1)
	if i > n {
		return nil, false
	}
	return b.flights[i-1], i < n
}

func newFlights(txs []ergon.Transaction) []*flight {
	slab := make([]flight, len(txs))
	flights := make([]*flight, len(txs))
	for i := range txs {
		slab[i].tx = txs[i]
		slab[i].state = lifecycle.Start()
		flights[i] = &slab[i]
	}
	return flights
}
