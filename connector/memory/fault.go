package memory

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Operation is the operation of a fault. FetchTransactionByID and CountTransactions have no faults.
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

// Forever is the duration of a stall that lasts until the context ends.
const Forever time.Duration = math.MaxInt64

// ErrFault is the error of a fault without an error of its own.
var ErrFault = errors.New("scripted fault")

// Fault is a scripted fault of a queue, made by [Fail], [Stall], [Duplicate], [Reorder], [OverDeliver], [LoseAck], [LoseReply]
// or [DropDelivery]. It occurs once, at the first call of its operation. The methods return a copy that occurs at other calls.
type Fault struct {
	kind           kind
	on             Operation
	call           int // the first call that it strikes, from 1
	times          int
	ids            []string
	err            error
	delay          time.Duration
	ignoresContext bool // whether a stall ignores the context
	seed           uint64
	amount         int
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

// Fail makes an operation fail without effect; a nil err means [ErrFault]. With For, a dispatch, settlement or extension fails
// for these transactions only, with a *BatchError, and a fetch that would deliver one of them delivers none.
func Fail(on Operation, err error) Fault { return newFault(fail, on, err) }

// Stall delays an operation by d before it takes effect. If its context ends first, it has no effect. With For, a fetch is
// delayed after it has taken the transactions, so their leases continue to run.
func Stall(on Operation, d time.Duration) Fault {
	f := newFault(stall, on, nil)
	f.delay = d
	return f
}

// Duplicate makes a fetch deliver transactions twice. Each delivery has its own receipt and is settled separately. The second
// delivery follows the first one directly. Deliveries beyond the limit come with the next fetch. With For it affects these
// transactions, otherwise all transactions of the fetch.
func Duplicate() Fault { return newFault(duplicate, OnFetch, nil) }

// Reorder makes a fetch of two or more transactions return them in another order. The order depends on seed and the number of
// the call only.
func Reorder(seed uint64) Fault {
	f := newFault(reorder, OnFetch, nil)
	f.seed = seed
	return f
}

// OverDeliver makes a fetch that is not empty return up to n transactions more than its limit.
func OverDeliver(n int) Fault {
	f := newFault(overDeliver, OnFetch, nil)
	f.amount = n
	return f
}

// LoseAck makes a settlement succeed without effect: the deliveries are taken back and delivered again. With For it affects
// these transactions, otherwise the whole batch.
func LoseAck() Fault { return newFault(loseAck, OnSettle, nil) }

// LoseReply makes an operation take effect and fail nevertheless, as if the connection broke before the reply; a nil err means
// [ErrFault]. Fetched transactions are delivered again, and the lost delivery is counted. With For, a dispatch, settlement or
// extension reports the failure for these transactions only, with a *BatchError.
func LoseReply(on Operation, err error) Fault { return newFault(loseReply, on, err) }

// DropDelivery takes deliveries back, as if their leases had expired: an extension reports them lost, a settlement is refused
// as stale, a fetch returns deliveries that are stale already. The transactions are delivered again. With For it affects these
// transactions, otherwise the whole batch. It does not apply to a dispatch.
func DropDelivery(on Operation) Fault { return newFault(dropDelivery, on, nil) }

func newFault(k kind, on Operation, err error) Fault {
	if err == nil {
		err = ErrFault
	}
	return Fault{kind: k, on: on, call: 1, times: 1, err: err}
}

// At makes the fault occur at call n of its operation and later. Calls are numbered from 1.
func (f Fault) At(n int) Fault {
	f.call = n
	return f
}

// Times makes the fault occur n times instead of once.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always makes the fault occur every time.
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// For limits the fault to calls with one of these transactions. Other calls are not counted.
func (f Fault) For(ids ...string) Fault {
	f.ids = slices.Clone(ids)
	return f
}

// IgnoringContext makes a stall ignore the context: it lasts for its whole duration, and then the operation takes effect. The
// duration must not be Forever.
func (f Fault) IgnoringContext() Fault {
	f.ignoresContext = true
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
