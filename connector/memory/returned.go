package memory

import (
	"cmp"
	"container/heap"
	"time"
)

// returned holds the items that were requeued, the one that may be delivered first on top: by the time it is due, then
// by its place.
type returned []*item

func (r *returned) put(it *item) { heap.Push(r, it) }

// take removes the first item that is due; nil where there is none.
func (r *returned) take(now time.Time) *item {
	if len(*r) == 0 || (*r)[0].due.After(now) {
		return nil
	}
	return heap.Pop(r).(*item) //nolint:forcetypeassert // it holds nothing else
}

func (r returned) Len() int { return len(r) }

// Less also compares duplicates, which have the same place, so the order is always the same.
func (r returned) Less(i, j int) bool {
	a, b := r[i], r[j]
	return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.place, b.place), cmp.Compare(a.count, b.count)) < 0
}

func (r returned) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push is for container/heap; see put.
func (r *returned) Push(it any) { *r = append(*r, it.(*item)) } //nolint:forcetypeassert // put is its only caller

// Pop is for container/heap; see take.
func (r *returned) Pop() any {
	last := len(*r) - 1
	it := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return it
}
