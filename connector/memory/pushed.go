package memory

import (
	"context"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ ergon.Fetcher             = (*PushedQueue)(nil)
	_ ergon.Dispatcher          = (*PushedQueue)(nil)
	_ ergon.Opener              = (*PushedQueue)(nil)
	_ ergon.Closer              = (*PushedQueue)(nil)
	_ capability.Settler        = (*PushedQueue)(nil)
	_ capability.Counter        = (*PushedQueue)(nil)
	_ capability.Declarer       = (*PushedQueue)(nil)
	_ capability.DemandListener = (*PushedQueue)(nil)
)

// PushedQueue is one consumer of a queue whose server pushes, as a consumer of RabbitMQ is: it hoards as many deliveries as are in
// demand, whatever the limit of a fetch, and fetches return what is buffered. Before the first Demand it has nothing. Several consumers
// share a queue. It is for tests. It is safe for concurrent use.
type PushedQueue struct {
	queue *Queue

	mu      sync.Mutex
	open    bool
	wanted  int
	buffer  []ergon.Transaction
	held    map[*receipt]ergon.Transaction // returned by a fetch, and not settled
	changed signal                         // the demand, or what is held
}

// NewPushed returns a consumer of a queue. Open it before it is used.
func NewPushed(queue *Queue) *PushedQueue {
	return &PushedQueue{queue: queue, held: map[*receipt]ergon.Transaction{}}
}

// Open connects to the queue. It takes nothing.
func (p *PushedQueue) Open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		return nil
	}
	p.open, p.wanted = true, 0
	return p.queue.Open(ctx)
}

// Close gives back what is buffered and what is not settled. Later calls return [ErrClosed].
func (p *PushedQueue) Close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		return nil
	}
	for _, tx := range p.held {
		p.queue.takeBack(tx, false)
	}
	p.giveBack()
	clear(p.held)
	p.open = false
	p.changed.raise()
	return p.queue.Close(ctx)
}

// Demand sets how many deliveries the consumer may hold. 0 gives back what is buffered.
func (p *PushedQueue) Demand(_ string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = n
	if n == 0 {
		p.giveBack()
	}
	p.changed.raise()
}

func (p *PushedQueue) giveBack() {
	for _, tx := range p.buffer {
		p.queue.takeBack(tx, true)
	}
	p.buffer = nil
}

// Held returns the number of deliveries that the consumer holds, buffered or not.
func (p *PushedQueue) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.buffer) + p.heldLocked()
}

// heldLocked forgets what the queue has taken back.
func (p *PushedQueue) heldLocked() int {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	for r := range p.held {
		if r.item.delivery != r {
			delete(p.held, r)
		}
	}
	return len(p.held)
}

// FetchTransactions returns what was pushed. If nothing was, it waits up to [Settings.MaxWait].
func (p *PushedQueue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	giveUp := time.Now().Add(p.queue.settings.MaxWait)
	for {
		if err := checkFetch(ctx, limit); err != nil {
			return nil, err
		}
		p.mu.Lock()
		if !p.open {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		err := p.push(ctx)
		batch := p.take(limit)
		changed, arrived := p.changed.wait(), p.queue.arrival()
		p.mu.Unlock()
		left := time.Until(giveUp)
		if len(batch) > 0 || err != nil || left <= 0 {
			return batch, err
		}
		timer := time.NewTimer(min(left, minPause))
		select {
		case <-changed:
		case <-arrived:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// push moves as much as is in demand from the queue to the buffer.
func (p *PushedQueue) push(ctx context.Context) error {
	room := p.wanted - p.heldLocked() - len(p.buffer)
	if room <= 0 {
		return nil
	}
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	batch, err := p.queue.deliver(room, time.Now())
	p.buffer = append(p.buffer, batch...)
	if len(p.buffer) > 0 {
		return nil
	}
	return err
}

func (p *PushedQueue) take(limit int) []ergon.Transaction {
	n := min(limit, len(p.buffer))
	batch := append([]ergon.Transaction(nil), p.buffer[:n]...)
	p.buffer = p.buffer[n:]
	for _, tx := range batch {
		if r, ok := tx.Delivery().Receipt.(*receipt); ok {
			p.held[r] = tx
		}
	}
	return batch
}

// SettleTransactions settles with the queue. A delivery of another consumer, or of this one before it was closed, is stale.
func (p *PushedQueue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		return ErrClosed
	}
	err := p.queue.SettleTransactions(ctx, batch)
	p.heldLocked()
	p.changed.raise()
	return err
}

// DispatchTransactions dispatches to the queue.
func (p *PushedQueue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	if !open {
		return ErrClosed
	}
	return p.queue.DispatchTransactions(ctx, batch)
}

// CountTransactions returns the number of transactions that wait in the queue, or in the buffer of this consumer.
func (p *PushedQueue) CountTransactions(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.queue.CountTransactions(ctx)
	return n + int64(len(p.buffer)), err
}

// ProcessLocal marks the queue as local to its process.
func (*PushedQueue) ProcessLocal() {}

// Declare is that of the queue, except that a connection fences.
func (p *PushedQueue) Declare() capability.Declaration {
	d := p.queue.Declare()
	d.Fences = capability.FenceConnection
	return d
}

// arrival is closed when there may be something to deliver.
func (q *Queue) arrival() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.arrived.wait()
}
