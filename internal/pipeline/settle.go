package pipeline

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// settler collects flights that have ended and settles them in batches: when there are enough of them, when the first has waited for
// the policy's interval, or when nothing else is outstanding. It has a goroutine for that. While that waits, a worker that has
// completed a batch settles it: see [service]. One batch is settled at a time. The fetch loop bounds how far settling may fall
// behind, so no worker waits for it.
type settler struct {
	size       int
	interval   time.Duration
	batches    *batchSettler
	letters    *letterWriter
	background *background
	shards     []*shard
	replace    func(w *worker) // starts a worker in the place of one whose call takes long

	settleLock semaphore // held by whoever settles; guards what follows, and all of batches and letters
	started    *settling // by a worker; the settler's goroutine continues with it
	batch      []*flight // taken, and not started
	memory     []*flight // of batch; used again and again

	stride    int32         // how much a shard's list grows before it is counted
	enough    int32         // what is counted when a batch is complete: a little less than size, for what is not counted
	scattered int           // how many may be pending before a worker settles lists that are not its own: a batch for each processor
	gathering atomic.Bool   // it is known that something is pending
	first     chan struct{} // something is pending
	now       chan struct{} // do not wait for more
	taken     chan struct{} // a worker has settled what was pending
	closing   chan struct{}
	done      chan struct{}
	_         [64]byte
	counted   atomic.Int32 // flights in all shards' lists, by strides
	_         [64]byte
}

// newSettler makes a settler of its parts: one that settles batches, and one that writes their letters before.
func newSettler(
	p policy.Settle, stats *loopStats, batches *batchSettler, letters *letterWriter, helpers *background, replace func(w *worker),
) *settler {
	s := &settler{
		size: p.Size, interval: p.Interval, batches: batches, letters: letters, background: helpers, replace: replace,
		settleLock: newSemaphore(),
		first:      make(chan struct{}, 1), now: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.stride, s.enough = 1, int32(s.size)
	if coarse := s.size / (2 * shards); coarse > 1 {
		s.stride, s.enough = int32(coarse), int32(s.size-2*coarse)
	}
	s.scattered = runtime.GOMAXPROCS(0) * s.size
	for i := range stats.shards {
		s.shards = append(s.shards, &stats.shards[i])
	}
	batches.letters, letters.batches = letters, batches
	batches.slow.Store(tooSlow(0, p.Retry.Timeout, batches.pinned))
	letters.size, letters.written, letters.wake = s.size, make(chan *settling, 1), s.wake
	return s
}

// add appends f to the shard's list, and reports whether a batch is complete. It never waits. Each shard has a list of its own, so
// that workers do not get in each other's way. The lists are counted often enough that the size of a batch holds closely, and
// exactly if it is small.
func (s *settler) add(on *shard, f *flight) (complete bool) {
	var listed int32
	for {
		last := on.ended.Load()
		f.next, listed = last, 1
		if last != nil {
			listed = last.listed.Load() + 1
		}
		f.listed.Store(listed)
		if on.ended.CompareAndSwap(last, f) {
			break
		}
	}
	if !s.gathering.Load() && s.gathering.CompareAndSwap(false, true) {
		signal(s.first)
	}
	return listed%s.stride == 0 && s.counted.Add(s.stride) >= s.enough
}

func (s *settler) pending() int {
	n := 0
	for _, on := range s.shards {
		n += on.listed()
	}
	return n
}

// settleNow makes the settler's goroutine settle what is pending without waiting for more.
func (s *settler) settleNow() { signal(s.now) }

// run settles what is pending until the settler is closed, and what waits for a letter until that is written. A cancelled ctx ends every
// call, but not run: closing does.
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
	s.gathering.Store(false) // before looking, so that what ends from now on is not missed
	s.settleTaken(ctx)
	s.take(s.shards)
	s.settleTaken(ctx)
	return s.letters.busy()
}

// settleTaken settles what was taken. The caller holds settleLock.
func (s *settler) settleTaken(ctx context.Context) {
	if s.started != nil {
		s.started.settle()
		s.started = nil
	}
	s.letters.settleWritten()
	for len(s.batch) > 0 {
		s.batches.begin(ctx, s.next()).settle()
	}
}

// next is the next part of what was taken.
func (s *settler) next() []*flight {
	part := s.batch[:min(s.size, len(s.batch))]
	s.batch = s.batch[len(part):]
	return part
}

// settleInline makes a worker settle a batch. A worker whose shard lists a whole batch settles that, because its processor has it in its
// cache. What is scattered over shards is settled when it comes to several batches.
func (s *settler) settleInline(w *worker) {
	switch listed := w.shard.listed(); {
	case s.batches.slow.Load():
		s.settleNow()
	case s.stride == 1, int(s.counted.Load()) >= s.scattered:
		s.settleAllInline(w)
	case listed >= s.size-int(s.stride):
		s.settleShardsInline(w, w.shard)
	}
}

// settleAllInline makes a worker settle what is pending.
func (s *settler) settleAllInline(w *worker) {
	switch {
	case s.batches.slow.Load():
		s.settleNow()
	case s.pending() > 0 && s.settleShardsInline(w, s.shards...):
		signal(s.taken)
	}
}

// settleShardsInline makes a worker settle what is pending on those shards, unless somebody settles at the moment. It reports whether
// everything is settled.
func (s *settler) settleShardsInline(w *worker, of ...*shard) bool {
	if !s.settleLock.tryAcquire() {
		return false
	}
	if s.started != nil {
		s.settleLock.release()
		return false
	}
	if len(of) == len(s.shards) {
		s.gathering.Store(false) // as in run
	}
	s.take(of)
	for len(s.batch) > 0 {
		batch := s.batches.begin(s.background.ctx, s.next())
		if !batch.runInline(w, func() {
			s.replace(w)
			s.handOff(batch)
		}) {
			s.handOff(batch)
			return false
		}
	}
	s.settleLock.release()
	return true
}

// handOff releases settleLock. The settler's goroutine continues with the batch.
func (s *settler) handOff(batch *settling) {
	s.started = batch
	s.settleLock.release()
	s.wake()
}

// wake makes the settler's goroutine settle at once.
func (s *settler) wake() {
	signal(s.first)
	signal(s.now)
}

// gather waits for more to settle; false if the settler is closing.
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

// take takes what is pending on those shards as the batch, shard by shard in the order in which it ended, except what waits for a letter.
func (s *settler) take(of []*shard) {
	batch := s.memory[:0]
	for _, on := range of {
		from := len(batch)
		last := on.ended.Swap(nil)
		if last == nil {
			continue
		}
		s.counted.Add(-(last.listed.Load() / s.stride * s.stride))
		for f := last; f != nil; f = f.next {
			batch = append(batch, f)
		}
		slices.Reverse(batch[from:])
	}
	s.memory = batch
	s.batch = s.letters.setAside(s.batches.turns.arrange(batch))
	s.letters.begin()
}
