package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

var (
	_ ergon.Fetcher       = (*Reader)(nil)
	_ ergon.Dispatcher    = (*Reader)(nil)
	_ ergon.Closer        = (*Reader)(nil)
	_ capability.Settler  = (*Reader)(nil)
	_ capability.Counter  = (*Reader)(nil)
	_ capability.Attacher = (*Reader)(nil)
	_ capability.Declarer = (*Reader)(nil)
)

var (
	errNotNext   = errors.New("is not the first of its partition that is not settled; a topic is settled in order")
	errNoRequeue = fmt.Errorf("a topic takes nothing back: %w", errors.ErrUnsupported)
)

// Reader is a source that reads a [Topic], and a sink that appends to it. It is safe for concurrent use.
type Reader struct {
	topic *Topic

	mu         sync.Mutex
	joined     bool
	deliveries capability.Deliveries // of the loop; nil without one
	start      int                   // the partition with which the next fetch begins; guarded by the topic's mutex
}

// Attach joins the group of the topic, and leaves it when ctx ends.
func (r *Reader) Attach(ctx context.Context, deliveries capability.Deliveries) error {
	r.mu.Lock()
	r.deliveries = deliveries
	joined := r.joined
	r.joined = true
	r.mu.Unlock()
	context.AfterFunc(ctx, r.leave)
	if !joined {
		r.topic.join(r)
	}
	return nil
}

// attached returns the loop's handle; nil without one.
func (r *Reader) attached() capability.Deliveries {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.deliveries
}

func (r *Reader) leave() {
	r.mu.Lock()
	joined := r.joined
	r.joined, r.deliveries = false, nil
	r.mu.Unlock()
	if joined {
		r.topic.leave(r)
	}
}

// Close leaves the group. It never fails and never waits.
func (r *Reader) Close(context.Context) error {
	r.leave()
	return nil
}

// FetchTransactions delivers up to limit transactions of the partitions that the reader has. It never waits.
func (r *Reader) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if err := checkFetch(ctx, limit); err != nil {
		return nil, err
	}
	r.mu.Lock()
	joins := !r.joined
	r.joined = true
	r.mu.Unlock()
	if joins {
		r.topic.join(r)
	}
	return r.fetch(limit)
}

func (r *Reader) fetch(limit int) ([]ergon.Transaction, error) {
	t := r.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settings.Finite && t.left() == 0 {
		return nil, ergon.ErrExhausted
	}
	var batch []ergon.Transaction
	for i := range t.partitions {
		p := t.partitions[(r.start+i)%len(t.partitions)]
		if p.reader != r || p.leaving {
			continue
		}
		for len(batch) < limit && p.next < len(p.records) {
			batch = append(batch, t.deliver(p))
		}
	}
	r.start++
	return batch, nil
}

func (t *Topic) deliver(p *partition) ergon.Transaction {
	record := &p.records[p.next]
	d := ergon.Delivery{
		Receipt: &ticket{of: p, index: p.next, generation: p.generation}, Partition: p.name, Position: record.position,
		EnqueuedAt: record.enqueuedAt,
	}
	record.count++
	if t.settings.CountDeliveries {
		d.Count = record.count
	}
	p.next++
	return record.transaction.WithDelivery(d)
}

// SettleTransactions moves the positions of partitions. A *BatchError names the first item of a partition that is not settled; what
// follows it in its partition has no effect. A partition that the reader has not, or has anew, is stale. It never waits.
func (r *Reader) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if ctx.Err() != nil {
		return fmt.Errorf("memory: settling %d transactions: %w", len(batch), context.Cause(ctx))
	}
	t := r.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	var failed failures
	blocked := map[*partition]bool{}
	for i := range batch {
		receipt, ok := batch[i].Transaction.Delivery().Receipt.(*ticket)
		switch {
		case !ok:
			failed.add(i, fmt.Errorf("memory: transaction %s: %w", batch[i].Transaction.ID(), errForeign))
		case blocked[receipt.of]:
		default:
			if err := r.settle(receipt, &batch[i]); err != nil {
				blocked[receipt.of] = true
				failed.add(i, fmt.Errorf("memory: transaction %s: %w", batch[i].Transaction.ID(), err))
			}
		}
	}
	return failed.err()
}

func (r *Reader) settle(receipt *ticket, s *capability.Settlement) error {
	p := receipt.of
	switch {
	case p.reader != r || receipt.generation != p.generation || receipt.index < p.floor:
		return capability.ErrStaleDelivery
	case receipt.index != p.floor:
		return errNotNext
	case s.Action == policy.SettleRequeue:
		return errNoRequeue
	case s.Action == policy.SettleReject:
		r.topic.rejected = append(r.topic.rejected, p.records[p.floor].transaction)
	}
	p.floor++
	return nil
}

// DispatchTransactions appends the batch to the topic.
func (r *Reader) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	return r.topic.DispatchTransactions(ctx, batch)
}

// CountTransactions returns how many transactions of the topic are not settled.
func (r *Reader) CountTransactions(context.Context) (int64, error) {
	r.topic.mu.Lock()
	defer r.topic.mu.Unlock()
	return int64(r.topic.left()), nil
}

// Declare says that the readers of a topic share its partitions, and that it is settled in order.
func (r *Reader) Declare() capability.Declaration { return r.topic.declare() }

// ProcessLocal marks the topic as local to its process.
func (*Reader) ProcessLocal() {}
