package pipeline

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// settler collects flights that have ended and settles them in batches: when there are enough of them, when the first has
// waited for the policy's interval, or when nothing else is outstanding. A goroutine of its own does so, and while that
// waits, a worker that has completed a batch does it in its place: see [service]. One batch is settled at a time. How
// far settling may fall behind is bounded by the fetch loop, so that no worker waits for it.
type settler struct {
	consumer   *Consumer
	source     capability.Settler // nil: the source does not want to know
	size       int
	interval   time.Duration
	settleLock semaphore    // held by whoever settles
	byWorker   bool         // a worker settles; guarded by settleLock
	slow       atomic.Bool  // the last batch took so long that no worker settles the next
	buffer     settleBuffer // as is what follows; used again and again
	begun      *settling    // by a worker, and to be gone on with by the settler's goroutine
	letters    *letterWriter
	batch      []*flight // taken, and not begun
	memory     []*flight // of batch
	all        []*shard

	stride    int32         // how much a shard's pile grows before it is counted
	enough    int32         // what has to be counted for a batch to be complete: a little less than size, for what is not counted
	scattered int           // how many may be pending, whether or not any worker has piled up a batch: one for each processor
	gathering atomic.Bool   // it is known that something is pending
	first     chan struct{} // something is pending
	now       chan struct{} // do not wait for more
	taken     chan struct{} // a worker has settled what was pending
	closing   chan struct{}
	done      chan struct{}
	_         [64]byte
	piled     atomic.Int32 // what is counted of all piles
	_         [64]byte
}

func newSettler(c *Consumer) *settler {
	s := &settler{
		consumer: c, size: c.settings.Policy.Settle.Size, interval: c.settings.Policy.Settle.Interval,
		settleLock: newSemaphore(), letters: newLetterWriter(c),
		first: make(chan struct{}, 1), now: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.stride, s.enough = 1, int32(s.size)
	if coarse := s.size / (2 * shards); coarse > 1 {
		s.stride, s.enough = int32(coarse), int32(s.size-2*coarse)
	}
	s.scattered = runtime.GOMAXPROCS(0) * s.size
	for i := range c.stats.shards {
		s.all = append(s.all, &c.stats.shards[i])
	}
	s.source, _ = c.settings.Source.(capability.Settler)
	s.slow.Store(c.pool.slow(0, c.settings.Policy.Settle.Retry.Timeout))
	return s
}

// add never waits. Flights are piled up by shard, so that workers do not get in each other's way; whether there are enough
// of them is looked at often enough for the size to hold closely, and exactly where it is small.
func (s *settler) add(on *shard, f *flight) (complete bool) {
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
	return pile%s.stride == 0 && s.piled.Add(s.stride) >= s.enough
}

func (s *settler) pending() int {
	n := 0
	for i := range s.consumer.stats.shards {
		n += s.consumer.stats.shards[i].pile()
	}
	return n
}

func (s *settler) hurry() { signal(s.now) }

func (s *settler) run(ctx context.Context) {
	defer close(s.done)
	busy := false
	for open := true; open; {
		select {
		case <-s.first:
			open = s.gather()
		case <-s.closing:
			open = false
		}
		busy = s.settlePending(ctx)
	}
	for busy { // which ends with ctx
		<-s.first
		busy = s.settlePending(ctx)
	}
}

// settlePending settles what is pending, and reports whether something still waits for a letter.
func (s *settler) settlePending(ctx context.Context) (busy bool) {
	s.settleLock.acquire()
	defer s.settleLock.release()
	s.byWorker = false
	s.gathering.Store(false) // before looking, so that what ends from now on is not missed
	s.settleTaken(ctx)
	s.take(s.all)
	s.settleTaken(ctx)
	return s.letters.busy()
}

// settleTaken settles what was taken. The caller holds settleLock.
func (s *settler) settleTaken(ctx context.Context) {
	if s.begun != nil {
		s.begun.settle()
		s.begun = nil
	}
	s.letters.goOn()
	for len(s.batch) > 0 {
		s.consumer.beginSettling(ctx, s.next()).settle()
	}
}

// next is the next part of what was taken.
func (s *settler) next() []*flight {
	part := s.batch[:min(s.size, len(s.batch))]
	s.batch = s.batch[len(part):]
	return part
}

// settleInline has a worker settle a batch. One that has piled up a batch by itself settles that, because it is with its processor
// still; what is scattered is settled when it comes to several batches.
func (s *settler) settleInline(w *worker) {
	switch pile := w.shard.pile(); {
	case s.slow.Load():
		s.hurry()
	case s.stride == 1, int(s.piled.Load()) >= s.scattered:
		s.settleAllInline(w)
	case pile >= s.size-int(s.stride):
		s.settleShardsInline(w, w.shard)
	}
}

// settleAllInline has a worker settle what is pending.
func (s *settler) settleAllInline(w *worker) {
	switch {
	case s.slow.Load():
		s.hurry()
	case s.pending() > 0 && s.settleShardsInline(w, s.all...):
		signal(s.taken)
	}
}

// settleShardsInline has a worker settle what is pending on those shards, where nobody is at it, and reports whether it did.
func (s *settler) settleShardsInline(w *worker, of ...*shard) bool {
	if !s.settleLock.tryAcquire() {
		return false
	}
	if s.begun != nil {
		s.settleLock.release()
		return false
	}
	s.byWorker = true
	if len(of) == len(s.all) {
		s.gathering.Store(false) // as in run
	}
	s.take(of)
	for len(s.batch) > 0 {
		batch := s.consumer.beginSettling(s.consumer.background, s.next())
		if !batch.runInline(w, func() {
			w.pool.replaceWorker(w)
			s.handOff(batch)
		}) {
			s.handOff(batch)
			return false
		}
	}
	s.settleLock.release()
	return true
}

// handOff releases settleLock and has the settler's goroutine go on with a batch.
func (s *settler) handOff(batch *settling) {
	s.begun = batch
	s.settleLock.release()
	s.call()
}

// call has the settler's goroutine settle at once.
func (s *settler) call() {
	signal(s.first)
	signal(s.now)
}

// gather gives others the chance to join; false when the settler is closing.
func (s *settler) gather() bool {
	if s.size == 1 {
		return true
	}
	timer := time.NewTimer(s.interval)
	defer timer.Stop()
	for {
		select {
		case <-s.now:
		case <-timer.C:
		case <-s.taken:
			if s.pending() > 0 {
				continue // what has ended since, or what a worker took before the gathering began
			}
		case <-s.closing:
			return false
		}
		return true
	}
}

// take takes what is pending on those shards as the batch, shard by shard in the order in which it ended. What waits for a
// letter is no part of it.
func (s *settler) take(of []*shard) {
	batch := s.memory[:0]
	for _, on := range of {
		from := len(batch)
		last := on.ended.Swap(nil)
		if last == nil {
			continue
		}
		s.piled.Add(-(last.pile.Load() / s.stride * s.stride))
		for f := last; f != nil; f = f.next {
			batch = append(batch, f)
		}
		slices.Reverse(batch[from:])
	}
	s.memory = batch
	s.batch = s.letters.setAside(batch)
	s.letters.begin()
}
