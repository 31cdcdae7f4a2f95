package file

import (
	"container/heap"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// receipt is one delivery of a record, with what a redelivery needs.
type receipt struct {
	source  *Source
	looked  bool  // delivered for its id alone: settling it changes nothing
	number  int64 // of the record, from 0 where the source began
	count   int   // which delivery of the record this is
	id      string
	payload any
	due     time.Time // before that it is not delivered
}

func (r *receipt) transaction() ergon.Transaction {
	return ergon.NewTransaction(r.id, r.payload).WithDelivery(ergon.Delivery{Receipt: r, Count: r.count})
}

// again returns the delivery after r, and releases r.
func (r *receipt) again(s *capability.Settlement) *receipt {
	next := &receipt{source: r.source, count: r.count + 1, id: r.id, payload: r.payload, due: time.Now().Add(s.Delay)}
	if s.Interrupted {
		next.count--
	}
	r.release()
	return next
}

func (r *receipt) release() { r.id, r.payload = "", nil }

// size is the approximate memory of r in bytes.
func (r *receipt) size() int {
	const overhead = 200
	switch p := r.payload.(type) {
	case []byte:
		return overhead + len(p)
	case Malformed:
		return overhead + max(len(p.Raw), len(p.whole))
	default:
		return overhead
	}
}

// requeued holds deliveries that wait until they are due, the next one first.
type requeued struct {
	waiting receipts
	bytes   int
}

func (q *requeued) put(r *receipt) {
	q.bytes += r.size()
	heap.Push(&q.waiting, r)
}

// take removes and returns the next delivery if it is due.
func (q *requeued) take(now time.Time) (*receipt, bool) {
	if len(q.waiting) == 0 || q.waiting[0].due.After(now) {
		return nil, false
	}
	r := heap.Pop(&q.waiting).(*receipt) //nolint:forcetypeassert // only put adds to it
	q.bytes -= r.size()
	return r, true
}

// due returns when the next delivery is due; zero if there is none.
func (q *requeued) due() time.Time {
	if len(q.waiting) == 0 {
		return time.Time{}
	}
	return q.waiting[0].due
}

// receipts is a heap by due time, then by place in the file.
type receipts []*receipt

func (r receipts) Len() int      { return len(r) }
func (r receipts) Swap(i, j int) { r[i], r[j] = r[j], r[i] }
func (r receipts) Less(i, j int) bool {
	if r[i].due.Equal(r[j].due) {
		return r[i].number < r[j].number
	}
	return r[i].due.Before(r[j].due)
}

// Push is for container/heap.
func (r *receipts) Push(x any) { *r = append(*r, x.(*receipt)) } //nolint:forcetypeassert // only put calls it

// Pop is for container/heap.
func (r *receipts) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return x
}
