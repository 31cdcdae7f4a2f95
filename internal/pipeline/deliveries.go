package pipeline

import (
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// deliveries is the table of what a loop holds of a source that takes deliveries back or settles in order: from the return of a fetch
// until the settlement [K2] [K3] [K5]. For other sources it is nil, and costs nothing. A delivery costs one entry, of which there is an
// allocation for each fetch; the lock is taken for each fetch and for each batch that is settled.
//
// Its lock is a leaf: nothing is called with it held.
type deliveries struct {
	inOrder    bool // the source settles each partition in order
	maxBlocked int  // policy: loop.max_unsettled, of one partition
	capacity   *capacity
	parts      deliveryParts

	mu      sync.Mutex
	entries []*deliveryBatch   // what is held, by fetch
	windows map[string]*window // by partition, if inOrder
	full    int                // windows with maxBlocked
	filters filters
	orphans []*flight             // ended, and fenced while they waited for their turn
	late    [][]ergon.Transaction // of a source in order: what calls have brought that were given up
	dirty   []*window             // their first may be settled, for another reason than that a flight has ended
	calls   map[*settleCall]bool  // of the source that settle, in progress
	changed chan struct{}         // closed when something leaves the table; nil while nobody waits
	closed  bool                  // the loop has ended
	over    chan struct{}         // closed with closed
}

// deliveryParts is what the table needs of the loop, once the parts of that exist.
type deliveryParts struct {
	running func() []shown                            // the attempts at work
	takeOut func(map[*flight]bool) []*flight          // takes flights out of where they wait
	end     func([]*flight, lifecycle.Event)          // ends what was taken out
	keep    func(f *flight, delay time.Duration) bool // lets f wait for its next life; false if the loop shuts down
	wake    func()                                    // makes the settler look
	revoked func(n int, lost bool)                    // reports what was taken back
}

func newDeliveries(inOrder bool, maxBlocked int, room *capacity) *deliveries {
	return &deliveries{
		inOrder: inOrder, maxBlocked: maxBlocked, capacity: room, windows: map[string]*window{},
		calls: map[*settleCall]bool{}, over: make(chan struct{}),
	}
}

// keepsInPlace reports whether the loop keeps what is requeued, because the source takes nothing back.
func (d *deliveries) keepsInPlace() bool { return d != nil && d.inOrder }

func (d *deliveries) enterLocked(txs []ergon.Transaction) {
	if len(txs) == 0 {
		return
	}
	b := &deliveryBatch{transactions: txs, all: make([]delivery, len(txs)), left: len(txs)}
	d.entries = append(d.entries, b)
	for i := range txs {
		e := &b.all[i]
		e.batch, e.tx = b, &txs[i]
		if d.inOrder {
			of := txs[i].Delivery()
			e.position = of.Position
			e.window = d.windowLocked(of.Partition)
			if e.window.closed {
				e.fate = fateDropped
			}
			e.window.enter(e)
		}
	}
}

func (d *deliveries) windowLocked(partition string) *window {
	w := d.windows[partition]
	if w == nil {
		w = &window{partition: partition}
		d.windows[partition] = w
	}
	return w
}

// accept ties flights to the deliveries of which they are made. flights may be the first of several parts of a fetch.
func (d *deliveries) accept(flights []*flight) {
	if d == nil || len(flights) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.findLocked(flights[0].tx)
	for i, f := range flights {
		e := &entries[i]
		e.flight, f.held = f, e
		if e.fate == fateFenced {
			f.lost.Store(true)
		}
	}
}

// findLocked returns the entries from that of tx on.
func (d *deliveries) findLocked(tx *ergon.Transaction) []delivery {
	for _, b := range slices.Backward(d.entries) {
		for i := range b.all {
			if b.all[i].tx == tx {
				return b.all[i:]
			}
		}
	}
	return nil
}

// leaveLocked removes an entry.
func (d *deliveries) leaveLocked(e *delivery) {
	if e.stage == stageGone {
		return
	}
	e.stage = stageGone
	if w := e.window; w != nil {
		w.forget(e)
		w.held--
		if w.held == 0 && !w.closed {
			delete(d.windows, w.partition)
		}
	}
	b := e.batch
	b.left--
	if b.left == 0 {
		i := slices.Index(d.entries, b)
		d.entries = slices.Delete(d.entries, i, i+1)
	}
}

// tellLocked wakes those who wait for a change.
func (d *deliveries) tellLocked() {
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// close ends the table with its loop: revocations that wait return, and later ones do nothing.
func (d *deliveries) close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.over)
	}
}
