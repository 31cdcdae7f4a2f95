package capability

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
)

// Declarer is a connector that describes itself with its configuration [K1].
type Declarer interface {
	// Declare does no I/O. It is called after construction, before Open, and again after Open, when the connector knows its
	// server: the second answer may only promise less. It is safe for concurrent use.
	Declare() Declaration
}

// Declaration describes a configured connector. A zero field means that the connector declares nothing; [DeclarationOf] replaces
// it by a default.
type Declaration struct {
	// Lacks are interfaces that the Go type has and this connector does not offer, because of its configuration or its server.
	// [As] respects it.
	Lacks Set
	// Destination is the logical name of the place that it reads from or writes to: a queue, a topic, the name of a file. It is
	// part of the ids that outputs derive from a source [B3]. "" if it has none.
	Destination string
	// Group is the name under which its readers share a topic. "" if it has none.
	Group string
	// Notes are promises that hold under a condition, one sentence each. People read them.
	Notes []string
	// Sharing is how several workers may read from it.
	Sharing Sharing
	// Settles says how certain a settlement is.
	Settles Certainty
	// Fences says who refuses the settlement of a delivery that the source has taken back.
	Fences Fence
	// WholeBatches is set for a source that needs all of a fetch settled before the next fetch. It is refused with loop.mode: continuous.
	WholeBatches bool
	// MaxHold is how long a delivery can be held at most, with all extensions. 0 means without end. The engine ends the attempts of a
	// transaction a tenth earlier.
	MaxHold time.Duration
	// Order says whether it keeps transactions of one ordering key in order itself.
	Order Order
	// Dedup is what it does with an id that it knows already, as a sink.
	Dedup Dedup
	// InOrder is set for a source that settles by moving a position in each partition: everything before it is done. It gets
	// settlements and hops as a contiguous prefix of the deliveries of each partition, in the order of their positions [K2]. It
	// gets no requeues: the engine keeps such a transaction, and drops at a shutdown what is not settled.
	InOrder bool
	// Floor is set for a source that stores only a position before which everything is settled, as a checkpoint does. After a
	// restart it delivers everything from the first unsettled transaction on again, so the loop does not continue behind a
	// transaction that stays unsettled [S2].
	Floor bool
}

// Sharing says how the workers of a task share a source [E2].
type Sharing string

// How sources are shared. The zero value stands for competing if the connector is a Settler or not a source, otherwise for
// single.
const (
	// SharingCompeting is a queue: each transaction is delivered to one of its readers.
	SharingCompeting Sharing = "competing"
	// SharingDivided is a source with a part for each worker.
	SharingDivided Sharing = "divided"
	// SharingSingle is a source that delivers everything to each reader, so only one worker may read it.
	SharingSingle Sharing = "single"
)

// Certainty says what it means that SettleTransactions has returned nil [K6].
type Certainty string

// How certain settlements are. The zero value stands for confirmed.
const (
	// SettlesConfirmed means that the settlement is durable.
	SettlesConfirmed Certainty = "confirmed"
	// SettlesSent means that the settlement was sent and nobody answers. If the connection or the server fails, the transaction
	// may be delivered again. It is never lost.
	SettlesSent Certainty = "sent"
)

// Fence says who refuses the settlement of a delivery that the source has taken back [K6].
type Fence string

// What fences. The zero value stands for store.
const (
	// FenceStore means that the store compares: a stale settlement is refused whenever it comes.
	FenceStore Fence = "store"
	// FenceClock means that the connector refuses a settlement whose delivery has expired, by the monotonic or by the wall clock,
	// and that the server would accept it.
	FenceClock Fence = "clock"
	// FenceConnection means that the connector refuses a delivery of an earlier connection or assignment. While a connection lasts,
	// its deliveries are not taken back.
	FenceConnection Fence = "connection"
)

// Order says how a source handles ordering keys [L8].
type Order string

// What a source keeps in order. The zero value stands for none.
const (
	// OrderNone keeps no order. The engine keeps it if it is the only reader.
	OrderNone Order = "none"
	// OrderKey delivers one transaction of a key at a time, over all readers.
	OrderKey Order = "key"
	// OrderPartition delivers all transactions of a key in one partition, and a partition to one reader at a time. The engine
	// keeps the order within it.
	OrderPartition Order = "partition"
)

// Dedup says how a sink treats a transaction whose id it knows [I2].
type Dedup string

// How sinks deduplicate. The zero value stands for none.
const (
	// DedupReported stores an id once and reports, by [ReportDispatch], what it knew already.
	DedupReported Dedup = "reported"
	// DedupUnreported may store an id once, but does not report it.
	DedupUnreported Dedup = "unreported"
	// DedupNone stores every transaction.
	DedupNone Dedup = "none"
)

// DeclarationOf returns the declaration of a connector with every field filled in. It returns an error if its Declare panicked or
// did not return.
func DeclarationOf(connector any) (Declaration, error) {
	d, err := declare(connector)
	if err != nil {
		return Declaration{}, err
	}
	if d.Sharing == "" {
		d.Sharing = SharingSingle
		if is[Settler](connector) && d.Lacks&CanSettle == 0 || !is[ergon.Fetcher](connector) || d.Lacks&CanFetch != 0 {
			d.Sharing = SharingCompeting
		}
	}
	d.Settles = cmp.Or(d.Settles, SettlesConfirmed)
	d.Fences = cmp.Or(d.Fences, FenceStore)
	d.Order = cmp.Or(d.Order, OrderNone)
	d.Dedup = cmp.Or(d.Dedup, DedupNone)
	return d, nil
}

// declare returns what the connector itself declares.
func declare(connector any) (Declaration, error) {
	declarer, ok := connector.(Declarer)
	if !ok {
		return Declaration{}, nil
	}
	return ask.For(fmt.Sprintf("Declare of %T", connector), declarer.Declare)
}
