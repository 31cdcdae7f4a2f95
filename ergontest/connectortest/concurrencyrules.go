package connectortest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func concurrencyRules() []rule {
	return []rule{{
		name: "ConcurrentUseLosesNothing", needs: []need{fetches(), settles()}, check: concurrentUse,
		why: "settlements and fetches come from different goroutines, and a late fetch overlaps with the next one. " +
			"Run the tests with the race detector.",
	}}
}

// concurrentCalls fetches, requeues, acknowledges and dispatches at once.
type concurrentCalls struct {
	*subject

	mu    sync.Mutex
	acked map[string]int
	tries int
}

func concurrentUse(p *probe) {
	first, more := numbered(60)[:30], numbered(60)[30:]
	s := p.holding(first...)
	c := &concurrentCalls{subject: s, acked: map[string]int{}}
	want := first
	var working sync.WaitGroup
	if dispatches().met(s.value) {
		want = append(want, more...)
		for part := range slices.Chunk(more, 10) {
			p.goes(&working, func() {
				dispatcher := as[ergon.Dispatcher](s)
				if err := dispatcher.DispatchTransactions(p.ctx, part); err != nil {
					p.errorf("DispatchTransactions concurrently with others: %v", err)
				}
			})
		}
	}
	for range 3 {
		p.goes(&working, func() { c.work(len(want)) })
	}
	working.Wait()
	for _, tx := range want {
		if n := c.acked[text(tx)]; n != 1 {
			p.errorf("%s was acknowledged %d times, want once", text(tx), n)
		}
	}
}

func (c *concurrentCalls) work(total int) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	for !c.done(total) && ctx.Err() == nil {
		batch, err := as[ergon.Fetcher](c.subject).FetchTransactions(ctx, 4)
		if errors.Is(err, ergon.ErrExhausted) {
			err = nil // what is dispatched later comes all the same
		}
		if err != nil {
			c.errorf("FetchTransactions concurrently with others: %v", err)
			return
		}
		if len(batch) == 0 {
			c.pause()
			continue
		}
		c.settleSome(ctx, batch)
	}
}

// settleSome gives every third back and acknowledges the others.
func (c *concurrentCalls) settleSome(ctx context.Context, batch []ergon.Transaction) {
	settlements := make([]capability.Settlement, len(batch))
	c.mu.Lock()
	for i, tx := range batch {
		settlements[i] = ack()
		c.tries++
		if c.tries%3 == 0 {
			settlements[i] = requeue()
		}
		settlements[i].Transaction = tx
	}
	c.mu.Unlock()
	err := as[capability.Settler](c.subject).SettleTransactions(ctx, settlements)
	if err != nil {
		c.errorf("SettleTransactions concurrently with others: %v", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range settlements {
		if s.Action == ack().Action {
			c.acked[text(s.Transaction)]++
		}
	}
}

func (c *concurrentCalls) done(total int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acked) >= total
}
