package pipeline

import (
	"cmp"
	"slices"
)

// maxBlocked is how many transactions of all partitions together may have ended behind one that has not, before fetching pauses.
const maxBlocked = 10_000

// window is what a loop holds of a partition that is settled in order, by position, without what the settler has. deliveries.mu guards
// it.
type window struct {
	partition string
	waiting   []*delivery // held or ended
	blocked   int         // how many of them have ended
	held      int         // entries of the table that refer to it
	closed    bool        // the loop has dropped one that the source does not know of: nothing behind it is settled any more
}

// enter adds a new delivery. Mostly it is the last; not if it is a redelivery.
func (w *window) enter(e *delivery) {
	w.held++
	w.insert(e)
}

func (w *window) insert(e *delivery) {
	if n := len(w.waiting); n == 0 || w.waiting[n-1].position <= e.position {
		w.waiting = append(w.waiting, e)
		return
	}
	i, _ := slices.BinarySearchFunc(w.waiting, e.position, func(other *delivery, position int64) int {
		if other.position == position {
			return -1 // after its equals
		}
		return cmp.Compare(other.position, position)
	})
	w.waiting = slices.Insert(w.waiting, i, e)
}

// first reports whether nothing of the partition waits before e, which the settler has.
func (w *window) first(e *delivery) bool {
	return len(w.waiting) == 0 || w.waiting[0].position > e.position
}

// compact removes what is not open any more.
func (w *window) compact() {
	w.waiting = slices.DeleteFunc(w.waiting, func(e *delivery) bool { return e.fate != fateOpen })
}

// blockLocked counts n more that wait for their turn, or fewer.
func (d *deliveries) blockLocked(w *window, n int) {
	before := w.blocked >= d.maxBlocked
	w.blocked += n
	if after := w.blocked >= d.maxBlocked; after && !before {
		d.full++
	} else if before && !after {
		d.full--
	}
	all := d.capacity.blocked.Add(int64(n))
	full := d.full > 0 || all >= maxBlocked
	if d.capacity.blockedFull.Swap(full) && !full {
		d.capacity.notify()
	}
}

// dropLocked gives up e, of which the source does not know that. Nothing behind it in its partition is settled any more.
func (d *deliveries) dropLocked(e *delivery) {
	e.fate = fateDropped
	w := e.window
	if w == nil {
		return
	}
	w.closed = true
	for _, other := range w.waiting {
		if other != e && other.position >= e.position {
			other.fate = fateDropped
			d.orphanLocked(other)
		}
	}
	w.compact()
}

// orphanLocked hands one over that was given up while it waited for its turn: the settler ends it.
func (d *deliveries) orphanLocked(e *delivery) {
	if e.stage == stageEnded {
		e.stage = stageReady
		d.blockLocked(e.window, -1)
		d.orphans = append(d.orphans, e.flight)
	}
}

// takeReadyLocked appends to ready those whose turn has come: the first of the partition that have ended.
func (d *deliveries) takeReadyLocked(w *window, ready []*flight) []*flight {
	n := 0
	for n < len(w.waiting) && w.waiting[n].stage == stageEnded {
		e := w.waiting[n]
		e.stage = stageReady
		ready = append(ready, e.flight)
		n++
	}
	if n > 0 {
		w.waiting = w.waiting[n:]
		d.blockLocked(w, -n)
	}
	return ready
}
