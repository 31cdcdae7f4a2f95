package pipeline

import (
	"cmp"
	"slices"
)

// maxBlocked is how many transactions of all partitions together may have ended behind one that has not, before fetching pauses.
const maxBlocked = 10_000

// window is what a loop holds of a partition that is settled in order, without what is being settled. deliveries.mu guards it.
type window struct {
	partition string
	waiting   []*delivery // held or ended, by position
	ready     []*delivery // the settler has them, and has not begun to settle them: some may wait for a dead letter; by position
	blocked   int         // how many of them have ended
	held      int         // entries of the table that refer to it
	closed    bool        // the loop has dropped one that the source does not know of: nothing behind it is settled any more
}

// enter adds a new delivery. Mostly it is the last; not if it is a redelivery.
func (w *window) enter(e *delivery) {
	w.held++
	w.waiting = inserted(w.waiting, e)
}

// wait puts e, which the settler had, among those that wait.
func (w *window) wait(e *delivery) { w.waiting = inserted(w.waiting, e) }

// begin takes e, which the settler has, out of those that are ready. It reports whether nothing that may still be settled comes before
// it in its partition.
func (w *window) begin(e *delivery) (first bool) {
	w.forget(e)
	for _, before := range [...][]*delivery{w.waiting, w.ready} {
		if len(before) > 0 && before[0].position <= e.position {
			return false
		}
	}
	return true
}

// forget removes e from those that are ready.
func (w *window) forget(e *delivery) {
	if i := slices.Index(w.ready, e); i >= 0 {
		w.ready = slices.Delete(w.ready, i, i+1)
	}
}

// inserted returns deliveries, which are sorted by position, with e.
func inserted(sorted []*delivery, e *delivery) []*delivery {
	if n := len(sorted); n == 0 || sorted[n-1].position <= e.position {
		return append(sorted, e)
	}
	i, _ := slices.BinarySearchFunc(sorted, e.position, func(other *delivery, position int64) int {
		if other.position == position {
			return -1 // after its equals
		}
		return cmp.Compare(other.position, position)
	})
	return slices.Insert(sorted, i, e)
}

// compact removes what is not open any more.
func (w *window) compact() {
	given := func(e *delivery) bool { return e.fate != fateOpen }
	w.waiting, w.ready = slices.DeleteFunc(w.waiting, given), slices.DeleteFunc(w.ready, given)
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
	for _, behind := range [...][]*delivery{w.waiting, w.ready} {
		for _, other := range behind {
			if other != e && other.position >= e.position {
				other.fate = fateDropped
				d.orphanLocked(other)
			}
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
		w.ready = inserted(w.ready, e)
		ready = append(ready, e.flight)
		n++
	}
	if n > 0 {
		w.waiting = w.waiting[n:]
		d.blockLocked(w, -n)
	}
	return ready
}
