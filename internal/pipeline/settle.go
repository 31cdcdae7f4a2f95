package pipeline

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
)

// settle ends a flight: it is judged, seen, and handed to the settler. Its owner must not touch it afterwards.
func (c *Consumer) settle(s *shard, f *flight) {
	c.governor.end(f)
	c.outage.record(f)
	f.verdict = c.judge(f)
	if c.watcher.watching || f.verdict.outcome != Succeeded {
		c.watcher.transactionEnded(f)
	}
	if c.settings.OnEnd != nil {
		c.settings.OnEnd(resultOf(f))
	}
	c.settler.add(s, f)
	s.finished.Add(1)
	c.room.freed(exactly)
}

// settler collects flights that have ended and settles them in batches from one goroutine: when there are enough of them,
// when the first has waited for the policy's interval, or when nothing else is outstanding. How far settling may fall
// behind is bounded by the fetch loop, so that a worker never waits for it.
type settler struct {
	consumer *Consumer
	source   ergon.Settler // nil: the source does not want to know
	size     int
	interval time.Duration
	letter   letter // used by run only

	gathering atomic.Bool   // it is known that something is pending
	first     chan struct{} // something is pending
	now       chan struct{} // do not wait for more
	closing   chan struct{}
	done      chan struct{}
}

func newSettler(c *Consumer) *settler {
	s := &settler{
		consumer: c, size: c.settings.Policy.Settle.Size, interval: c.settings.Policy.Settle.Interval,
		first: make(chan struct{}, 1), now: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.source, _ = c.settings.Source.(ergon.Settler)
	return s
}

// add never waits. Flights are piled up by shard, so that workers do not get in each other's way; whether there are enough
// of them is looked at often enough for the size to hold closely, and exactly where it is small.
func (s *settler) add(on *shard, f *flight) {
	var pile int32
	for {
		last := on.ended.Load()
		f.next, pile = last, 1
		if last != nil {
			pile = last.pile.Load() + 1
		}
		f.pile.Store(pile)
		if on.ended.CompareAndSwap(last, f) {
			break
		}
	}
	if !s.gathering.Load() && s.gathering.CompareAndSwap(false, true) {
		signal(s.first)
	}
	if stride := max(s.size/(2*shards), 1); int(pile)%stride == 0 && s.pending() >= s.size {
		signal(s.now)
	}
}

func (s *settler) pending() int {
	n := 0
	for i := range s.consumer.stats.shards {
		if f := s.consumer.stats.shards[i].ended.Load(); f != nil {
			n += int(f.pile.Load())
		}
	}
	return n
}

func (s *settler) hurry() { signal(s.now) }

func (s *settler) run(ctx context.Context) {
	defer close(s.done)
	var batch []*flight
	for open := true; open; {
		select {
		case <-s.first:
			open = s.gather()
		case <-s.closing:
			open = false
		}
		for batch = s.take(batch); len(batch) > 0; batch = s.take(batch) {
			for part := range slices.Chunk(batch, s.size) {
				s.consumer.settleBatch(ctx, part)
			}
		}
	}
}

// gather gives others the chance to join; false when the settler is closing.
func (s *settler) gather() bool {
	if s.size == 1 {
		return true
	}
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

// take returns what is pending, shard by shard in the order in which it ended, in the memory of the batch before.
func (s *settler) take(batch []*flight) []*flight {
	batch = batch[:0]
	s.gathering.Store(false) // before looking, so that what ends from now on is not missed
	for i := range s.consumer.stats.shards {
		from := len(batch)
		for f := s.consumer.stats.shards[i].ended.Swap(nil); f != nil; f = f.next {
			batch = append(batch, f)
		}
		slices.Reverse(batch[from:])
	}
	return batch
}

// close settles what is pending and waits for it.
func (s *settler) close() {
	close(s.closing)
	<-s.done
}
