package capability

import (
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
)

// Declarer is a connector that says what it is, as it is configured. [K1]
type Declarer interface {
	// Declare does no I/O. It is called after construction, before Open, and again after Open, when the connector knows its
	// server: the second answer may only promise less. It is safe for concurrent use.
	Declare() Declaration
}

// Declaration describes a configured connector. A zero field means that the connector declares nothing; [DeclarationOf]
// replaces it by what is assumed then.
type Declaration struct {
	// Destination is the logical name of where it reads from or writes to: a queue, a topic, a file's name. It is part of the
	// ids that outputs derive from a source [B3]. "" where there is none.
	Destination string
	// Sharing is how several workers may read from it.
	Sharing Sharing
	// Order is whether it keeps transactions of one ordering key in order by itself.
	Order Order
	// Dedup is what it does about an id that it knows already, as a sink.
	Dedup Dedup
	// Floor is set for a source that remembers only up to where everything is settled, as a checkpoint does: one transaction that
	// stays unsettled has all after it delivered again after a restart, so the loop does not go on beyond it [S2].
	Floor bool
}

// Sharing is how a source is shared by the workers of a task [E2].
type Sharing string

// How sources are shared. The zero value stands for competing where the connector is a Settler or no source, else for single.
const (
	// SharingCompeting is a queue: each transaction goes to one of its readers.
	SharingCompeting Sharing = "competing"
	// SharingDivided is a source of which each worker reads a part of its own.
	SharingDivided Sharing = "divided"
	// SharingSingle is a source that each reader gets whole: it has one worker.
	SharingSingle Sharing = "single"
)

// Order is what a source does about ordering keys [L8].
type Order string

// What a source keeps in order. The zero value stands for none.
const (
	// OrderNone is a source that keeps no order: the engine does, where it is the only reader.
	OrderNone Order = "none"
	// OrderKey is a store that has one transaction of a key out at a time, whoever reads.
	OrderKey Order = "key"
)

// Dedup is what a sink does about a transaction whose id it knows [I2].
type Dedup string

// How sinks deduplicate. The zero value stands for none.
const (
	// DedupTold is a sink that stores an id once and tells, by [ReportDispatch], what it knew already.
	DedupTold Dedup = "told"
	// DedupUntold is a sink that may store an id once but does not tell.
	DedupUntold Dedup = "untold"
	// DedupNone is a sink that stores whatever it is given.
	DedupNone Dedup = "none"
)

// DeclarationOf returns what connector declares, with every field that it left out filled in; an error where its Declare panics or
// does not return.
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

// Narrows reports whether d promises no more than before, which is what a connector may say after Open.
func (d Declaration) Narrows(before Declaration) bool {
	return d.Destination == before.Destination &&
		(d.Sharing == before.Sharing || d.Sharing == SharingSingle) &&
		(d.Order == before.Order || d.Order == OrderNone) &&
		(d.Dedup == before.Dedup || d.Dedup == DedupNone || d.Dedup == DedupUntold && before.Dedup == DedupTold)
}
