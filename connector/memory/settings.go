package memory

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// Settings are the settings of a queue. The zero value is an empty queue without a limit. Its fetches never wait.
type Settings struct {
	// Transactions are in the queue from the start. They may be more than Capacity. Default none.
	Transactions []ergon.Transaction
	// Finite makes a fetch return ergon.ErrExhausted once the queue is empty. While a transaction is in flight, which may be
	// requeued, a fetch returns none and no error. Default false.
	Finite bool
	// MaxWait is how long a fetch waits for the first transaction. 0 or less means not at all. Default 0.
	MaxWait time.Duration
	// Capacity is the maximum number of transactions, waiting, delayed and in flight. A dispatch above it waits. Requeued
	// transactions are exempt. 0 or less means no limit. Default 0.
	Capacity int
	// Name is the name of the queue in its declaration, and in ids that derive from it. Default none.
	Name string
	// Dedup makes the queue store one transaction for each id and arrival. Others are not stored, but reported by
	// [capability.ReportDispatch]. Payloads are compared as bytes, text or JSON; others never equal. Default false: an id may
	// be there several times.
	Dedup bool
	// DedupWindow is how long the queue remembers the id of a settled transaction. 0 or less means not at all. Default 0.
	DedupWindow time.Duration
	// OnConflict is what happens to a transaction whose id is known with other content. "" means auto.
	OnConflict capability.OnConflict
	// Order is how the queue handles ordering keys. "" means capability.OrderKey: one transaction of a key is delivered at a
	// time, and a requeued one delays its key. capability.OrderNone ignores keys.
	Order capability.Order
	// Settles is how certain a settlement is. "" means capability.SettlesConfirmed. With capability.SettlesSent a [Queue.Restart]
	// undoes the acknowledgements of the last call that settled something.
	Settles capability.Certainty
	// MaxHold is how long a delivery is held at most, with all extensions; then it is requeued. 0 or less means without end. Default 0.
	MaxHold time.Duration
	// SaysExpiry makes each delivery of a queue with leases say when it expires. Default false: the engine counts from the fetch.
	SaysExpiry bool
	// Fences is what the queue declares to fence a stale settlement. "" means capability.FenceStore, which it does in any case.
	Fences capability.Fence
	// Notes are the notes of its declaration. Default none.
	Notes []string
	// Lacks takes interfaces away that the queue has otherwise, as a server may that cannot do all. It is for tests.
	Lacks capability.Set
	// Record keeps every settlement for [Queue.Settlements]. It is for tests, because memory grows with each. Default false.
	Record bool
}
