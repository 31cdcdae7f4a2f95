package file

import "github.com/ergon-go/ergon/connector/file/internal/content"

// window is the deliveries from the oldest unsettled record on. It costs 32 bytes for each record.
type window struct {
	entries []entry
	head    int              // the oldest unsettled one in entries
	done    int64            // how many before it are settled, all of them
	end     content.Position // behind those
	open    int              // how many are unsettled
	settled int64            // how many are settled, wherever they are
}

type entry struct {
	end     content.Position
	receipt *receipt // of its latest delivery; nil when it is settled
}

// span is how many records lie between the oldest unsettled one and the youngest.
func (w *window) span() int { return len(w.entries) - w.head }

// add appends a record with its first delivery.
func (w *window) add(end content.Position, r *receipt) {
	r.number = w.done + int64(w.span())
	w.entries = append(w.entries, entry{end: end, receipt: r})
	w.open++
}

// current reports whether r is the latest delivery of a record that is not settled.
func (w *window) current(r *receipt) bool { return r.number >= w.done && w.entry(r).receipt == r }

func (w *window) entry(r *receipt) *entry { return &w.entries[w.head+int(r.number-w.done)] }

// replace puts another delivery in place of r.
func (w *window) replace(r, by *receipt) {
	by.number = r.number
	w.entry(r).receipt = by
}

// settle ends a record by its current delivery.
func (w *window) settle(r *receipt) {
	w.entry(r).receipt = nil
	w.open--
	w.settled++
	for w.head < len(w.entries) && w.entries[w.head].receipt == nil {
		w.end = w.entries[w.head].end
		w.head++
		w.done++
	}
	w.shrink()
}

// shrink frees the settled part once it is the larger one.
func (w *window) shrink() {
	const minWorth = 1024
	if w.head < minWorth || w.head < len(w.entries)/2 {
		return
	}
	left := copy(w.entries, w.entries[w.head:])
	clear(w.entries[left:])
	w.entries, w.head = w.entries[:left], 0
}
