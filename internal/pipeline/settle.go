package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
)

// settle ends a flight: it is judged, seen, and handed to the settler. Its owner must not touch it afterwards.
func (c *Consumer) settle(f *flight) {
	c.governor.end(f)
	c.outage.record(f)
	v := c.judge(f)
	if c.watcher.watching || v.outcome != Succeeded {
		c.watcher.transactionEnded(f, v)
	}
	if c.settings.OnEnd != nil {
		c.settings.OnEnd(ended(f, v))
	}
	c.settler.add(settling{flight: f, verdict: v})
	if c.room.ended() {
		c.settler.hurry()
	}
}

// settling is a flight on its way to its source.
type settling struct {
	flight  *flight
	verdict verdict
}

// settler collects settlements and sends them in batches from one goroutine: when there are enough of them, when the
// first has waited for the policy's interval, or when nothing else is outstanding.
type settler struct {
	consumer *Consumer
	source   ergon.Settler // nil: the source does not want to know
	size     int
	most     int // pending settlements that workers may run ahead by
	interval time.Duration

	mu      sync.Mutex
	room    sync.Cond
	pending []settling
	spare   []settling
	first   chan struct{} // something is pending
	now     chan struct{} // do not wait for more
	closing chan struct{}
	done    chan struct{}
}

func newSettler(c *Consumer) *settler {
	s := &settler{
		consumer: c, size: c.settings.Policy.Settle.Size, interval: c.settings.Policy.Settle.Interval,
		first: make(chan struct{}, 1), now: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.source, _ = c.settings.Source.(ergon.Settler)
	s.most = 10 * max(s.size, c.settings.Policy.Loop.Concurrency.Most())
	s.room.L = &s.mu
	return s
}

// add waits only where settling has fallen far behind, which ends with the settle policy's attempts.
func (s *settler) add(e settling) {
	s.mu.Lock()
	for len(s.pending) >= s.most {
		s.room.Wait()
	}
	s.pending = append(s.pending, e)
	n := len(s.pending)
	s.mu.Unlock()
	if n == 1 {
		signal(s.first)
	}
	if n == s.size {
		signal(s.now)
	}
}

func (s *settler) hurry() { signal(s.now) }

func (s *settler) run(ctx context.Context) {
	defer close(s.done)
	for open := true; open; {
		select {
		case <-s.first:
			open = s.gather()
		case <-s.closing:
			open = false
		}
		for batch := s.take(); len(batch) > 0; batch = s.take() {
			for len(batch) > 0 {
				n := min(s.size, len(batch))
				s.consumer.settleBatch(ctx, batch[:n])
				batch = batch[n:]
			}
		}
	}
}

// gather gives others the chance to join; false when the settler is closing.
func (s *settler) gather() bool {
	timer := time.NewTimer(s.interval)
	defer timer.Stop()
	select {
	case <-s.now:
	case <-timer.C:
	case <-s.closing:
		return false
	}
	return true
}

func (s *settler) take() []settling {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.spare)
	taken := s.pending
	s.pending, s.spare = s.spare[:0], taken
	s.room.Broadcast()
	return taken
}

// close settles what is pending and waits for it; a second call does nothing.
func (s *settler) close() {
	close(s.closing)
	<-s.done
}
