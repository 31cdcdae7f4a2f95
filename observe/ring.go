package observe

import (
	"iter"
	"slices"
)

// ring keeps the last few transactions.
type ring struct {
	kept []Transaction
	next int // the oldest, once the ring is full
}

func (r *ring) add(t Transaction) {
	if len(r.kept) < Kept {
		r.kept = append(r.kept, t)
		return
	}
	r.kept[r.next] = t
	r.next = (r.next + 1) % Kept
}

// ordered is what is kept, the oldest first.
func (r *ring) ordered() []Transaction { return slices.Concat(r.kept[r.next:], r.kept[:r.next]) }

// backward goes through what was kept after the transaction of that number, the latest first.
func (r *Recorder) backward(after uint64) iter.Seq[Transaction] {
	return func(yield func(Transaction) bool) {
		if r == nil {
			return
		}
		r.mu.Lock()
		smooth, rough := r.smooth.ordered(), r.rough.ordered()
		r.mu.Unlock()
		for len(smooth)+len(rough) > 0 {
			from := &smooth
			if len(smooth) == 0 || len(rough) > 0 && rough[len(rough)-1].Seq > smooth[len(smooth)-1].Seq {
				from = &rough
			}
			last := len(*from) - 1
			t := (*from)[last]
			*from = (*from)[:last]
			if t.Seq <= after || !yield(t) {
				return
			}
		}
	}
}
