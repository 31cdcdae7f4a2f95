package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// flight is one transaction between fetch and settlement. At any time one goroutine owns it and all its fields: the worker or takeover
// that runs it, then the settler. Only lost may be touched by others. PROTOCOL.md says what moves the ownership.
type flight struct {
	home      *flightBatch       // never changed
	tx        *ergon.Transaction // in what the source returned
	result    any
	failure   *failure      // nil while nothing has failed
	extras    *flightExtras // nil if nothing is recorded and the concurrency is fixed
	deadline  instant       // of the transaction; 0 before the first attempt, or for none
	began     instant       // when the first attempt started
	started   instant       // when the current attempt started
	due       instant       // until when it waits outside of the pool, or since when it is held in an outage; 0 otherwise
	state     lifecycle.State
	attempts  int32        // started in the current phase
	heldSince instant      // since when the loop holds it over requeues; 0 if it does not
	lost      atomic.Bool  // the lease is lost: the source has taken the delivery back
	verdict   verdict      // once the lifecycle has ended
	next      *flight      // while it waits for settlement: the one that ended before it
	listed    atomic.Int32 // and how many wait with it
	held      *delivery    // its entry in the table of deliveries; nil if the loop has none. Set once, before anybody runs it
}

// failure is what went wrong in a flight. It has memory of its own, because most flights have none.
type failure struct {
	first, last error // of the current phase
	cause       *ergon.TransactionError
	handler     *ergon.TransactionError // the exception handler's own failure
	disposition ergon.Disposition
	at          time.Time // when the lifecycle ended
	payload     any       // as the dead letter has it
	encoding    deadletter.Encoding
}

// failed records the error of an attempt.
func (f *flight) failed(err error) {
	if f.failure == nil {
		f.failure = &failure{}
	}
	if f.failure.first == nil {
		f.failure.first = err
	}
	f.failure.last = err
}
