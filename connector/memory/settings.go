package memory

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// Settings are what a queue is made of. The zero value is an empty queue without a bound, whose fetches never wait.
type Settings struct {
	// Transactions wait in the queue from the start. They do not have to fit into Capacity. Default none.
	Transactions []ergon.Transaction
	// Finite makes a fetch return ergon.ErrExhausted once the queue holds nothing: an unsettled transaction may come back,
	// so as long as one is in flight a fetch returns none and no error. Default false.
	Finite bool
	// MaxWait is how long a fetch waits for the first transaction. 0 or less: it returns at once. Default 0.
	MaxWait time.Duration
	// Capacity is how many transactions the queue holds at most, waiting, delayed and in flight: a dispatch beyond it waits
	// for room. What is given back always has room. 0 or less means no bound. Default 0.
	Capacity int
	// Name is what the queue is called, in declarations and in what derives from them. Default none.
	Name string
	// Dedup has the queue take one transaction of each id and arrival: another is not stored, and reported by
	// [capability.ReportDispatch]. Payloads are compared as bytes, text or JSON; one that is none of it is like no other. Default
	// false: an id may be there several times.
	Dedup bool
	// DedupWindow is how long the id of a settled transaction is remembered. 0 or less: it is forgotten at once. Default 0.
	DedupWindow time.Duration
	// OnConflict is what becomes of a transaction whose id is known with other content. "" means auto.
	OnConflict capability.OnConflict
	// Order is what the queue does about ordering keys. capability.OrderNone: nothing, so that several of a key are out at once.
	// "" means capability.OrderKey: one of a key is out at a time, and a requeue holds up its key.
	Order capability.Order
	// Record keeps every settlement for Settlements. It is for tests: memory grows with each. Default false.
	Record bool
}
