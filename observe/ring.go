package observe

import (
	"iter"
	"slices"
)

// ring keeps the last few transactions.
type ring struct {
	items []Transaction
	next  int // the oldest, once the ring is full
}

func (r *ring) add(t Transaction) {
	if len(r.items) < Capacity {
		r.items = append(r.items, t)
		return
	}
	r.items[r.next] = t
	r.next = (r.next + 1) % Capacity
}

// ordered is what is kept, the oldest first.
func (r *ring) ordered() []Transaction { return slices.Concat(r.items[r.next:], r.items[:r.next]) }

// backward goes through what was kept after the transaction of that number, the latest first.
func (r *Recorder) backward(after uint64) iter.Seq[Transaction] {
	return func(yield func(Transaction) bool) {
		if r == nil {
			return
		}
		r.mu.Lock()
		successes, failures := r.successes.ordered(), r.failures.ordered()
		r.mu.Unlock()
		for len(successes)+len(failures) > 0 {
			from := &successes
			if len(successes) == 0 || len(failures) > 0 && failures[len(failures)-1].Seq > successes[len(successes)-1].Seq {
				from = &failures
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
