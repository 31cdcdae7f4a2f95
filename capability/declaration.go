package capability

import (
	"fmt"

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
	// Destination is the logical name of the place that it reads from or writes to: a queue, a topic, the name of a file. It is
	// part of the ids that outputs derive from a source [B3]. "" if it has none.
	Destination string
	// Sharing is how several workers may read from it.
	Sharing Sharing
	// Order says whether it keeps transactions of one ordering key in order itself.
	Order Order
	// Dedup is what it does with an id that it knows already, as a sink.
	Dedup Dedup
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

// Order says how a source handles ordering keys [L8].
type Order string

// What a source keeps in order. The zero value stands for none.
const (
	// OrderNone keeps no order. The engine keeps it if it is the only reader.
	OrderNone Order = "none"
	// OrderKey delivers one transaction of a key at a time, over all readers.
	OrderKey Order = "key"
)

// Dedup says how a sink treats a transaction whose id it knows [I2].
type Dedup string

// How sinks deduplicate. The zero value stands for none.
const (
	// DedupTold stores an id once and reports, by [ReportDispatch], what it knew already.
	DedupTold Dedup = "told"
	// DedupUntold may store an id once, but does not report it.
	DedupUntold Dedup = "untold"
	// DedupNone stores every transaction.
	DedupNone Dedup = "none"
)

// DeclarationOf returns the declaration of a connector with every field filled in. It returns an error if its Declare panicked or
// did not return.
func DeclarationOf(connector any) (Declaration, error) {
	var d Declaration
	if declarer, ok := connector.(Declarer); ok {
		var err error
		if d, err = ask.For(fmt.Sprintf("Declare of %T", connector), declarer.Declare); err != nil {
			return Declaration{}, err
		}
	}
	if d.Sharing == "" {
		_, settles := connector.(Settler)
		_, fetches := connector.(ergon.Fetcher)
		d.Sharing = SharingSingle
		if settles || !fetches {
			d.Sharing = SharingCompeting
		}
	}
	if d.Order == "" {
		d.Order = OrderNone
	}
	if d.Dedup == "" {
		d.Dedup = DedupNone
	}
	return d, nil
}

// Narrows reports whether d promises at most as much as before. A connector may narrow its declaration after Open.
func (d Declaration) Narrows(before Declaration) bool {
	return d.Destination == before.Destination &&
		(d.Sharing == before.Sharing || d.Sharing == SharingSingle) &&
		(d.Order == before.Order || d.Order == OrderNone) &&
		(d.Dedup == before.Dedup || d.Dedup == DedupNone || d.Dedup == DedupUntold && before.Dedup == DedupTold)
}
