package memory

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Operation is what a fault strikes. FetchTransactionByID and CountTransactions are never struck.
type Operation uint8

const (
	// OnFetch is FetchTransactions.
	OnFetch Operation = iota
	// OnDispatch is DispatchTransactions.
	OnDispatch
	// OnSettle is SettleTransactions.
	OnSettle
	// OnExtend is ExtendLeases.
	OnExtend
	operations
)

// String returns fetch, dispatch, settle or extend.
func (o Operation) String() string {
	return [...]string{"fetch", "dispatch", "settle", "extend"}[min(o, operations-1)]
}

// Forever is a stall that only the end of the context ends.
const Forever time.Duration = math.MaxInt64

// ErrFault is what a fault fails with that was given no error of its own.
var ErrFault = errors.New("scripted fault")

// Fault is one thing that goes wrong at a queue, made by [Fail], [Stall], [Duplicate], [Reorder], [OverDeliver],
// [LoseAck], [LoseReply] or [DropDelivery]. By itself it strikes once, at the first call of its operation. The methods
// return a copy that strikes elsewhere.
type Fault struct {
	kind   kind
	on     Operation
	call   int // the first call that it strikes, from 1
	times  int
	ids    []string
	err    error
	delay  time.Duration
	deaf   bool // whether a stall ignores the context
	seed   uint64
	amount int
}

type kind string

const (
	fail         kind = "fail"
	stall        kind = "stall"
	duplicate    kind = "duplicate"
	reorder      kind = "reorder"
	overDeliver  kind = "over-deliver"
	loseAck      kind = "lose ack"
	loseReply    kind = "lose reply"
	dropDelivery kind = "drop delivery"
)

// Fail fails an operation, which then has no effect; a nil err means [ErrFault]. With For, a dispatch, settlement or
// extension fails for these transactions only, by a *BatchError, and a fetch that would deliver one of them delivers none.
func Fail(on Operation, err error) Fault { return newFault(fail, on, err) }

// Stall holds an operation up for d before it takes effect, or until its context ends: it has no effect then. With For,
// a fetch is held up after it took the transactions, so that their leases run meanwhile.
func Stall(on Operation, d time.Duration) Fault {
	f := newFault(stall, on, nil)
	f.delay = d
	return f
}

// Duplicate has a fetch deliver transactions twice, each delivery with a receipt of its own and to be settled by itself.
// The second stands right behind the first; what exceeds the limit by that comes with the next fetch. With For it is
// these transactions, otherwise all of the fetch.
func Duplicate() Fault { return newFault(duplicate, OnFetch, nil) }

// Reorder has a fetch of two or more transactions return them in another order, which depends on seed and the number of
// the call only.
func Reorder(seed uint64) Fault {
	f := newFault(reorder, OnFetch, nil)
	f.seed = seed
	return f
}

// OverDeliver has a fetch that delivers something return up to n transactions more than its limit.
func OverDeliver(n int) Fault {
	f := newFault(overDeliver, OnFetch, nil)
	f.amount = n
	return f
}

// LoseAck has a settlement succeed without any effect: the deliveries are taken back and delivered again. With For it is
// these transactions, otherwise all of the batch.
func LoseAck() Fault { return newFault(loseAck, OnSettle, nil) }

// LoseReply has an operation take effect and fail all the same, as if the connection broke before the answer; a nil err
// means [ErrFault]. What a fetch took comes back and its delivery is counted. With For, a dispatch, settlement or
// extension reports the failure for these transactions only, by a *BatchError.
func LoseReply(on Operation, err error) Fault { return newFault(loseReply, on, err) }

// DropDelivery takes deliveries back, as if their leases had run out: an extension reports them lost, a settlement is
// refused as stale, a fetch returns deliveries that are stale already, and they are delivered again. With For it is these
// transactions, otherwise all of the batch. It has no meaning for a dispatch and does not strike there.
func DropDelivery(on Operation) Fault { return newFault(dropDelivery, on, nil) }

func newFault(k kind, on Operation, err error) Fault {
	if err == nil {
		err = ErrFault
	}
	return Fault{kind: k, on: on, call: 1, times: 1, err: err}
}

// At has the fault strike from call n of its operation on; calls are numbered from 1.
func (f Fault) At(n int) Fault {
	f.call = n
	return f
}

// Times has the fault strike n times instead of once.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always has the fault strike every time.
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// For has the fault strike only calls that one of these transactions takes part in; other calls do not use it up.
func (f Fault) For(ids ...string) Fault {
	f.ids = slices.Clone(ids)
	return f
}

// IgnoringContext has a stall last for its whole time, whatever becomes of the context, and then take effect: it must not
// be Forever.
func (f Fault) IgnoringContext() Fault {
	f.deaf = true
	return f
}

// String describes the fault for the message of a test.
func (f Fault) String() string {
	s := fmt.Sprintf("%s on %s from call %d", f.kind, f.on, f.call)
	if len(f.ids) > 0 {
		s += fmt.Sprintf(" for %q", f.ids)
	}
	return s
}

// concerns reports whether the fault is for that transaction.
func (f Fault) concerns(id string) bool { return len(f.ids) == 0 || slices.Contains(f.ids, id) }
