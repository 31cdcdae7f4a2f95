package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// slotsPerWatchdog bounds what one scan costs: about 1 ns a slot.
const slotsPerWatchdog = 128

// slot is where a worker shows the attempt that it is running: one of those that it made ahead, by its index, because an
// index is cheaper to publish than a pointer.
type slot struct {
	arena  atomic.Pointer[arena]
	index  atomic.Int64 // none: nothing runs
	flight *flight      // of the attempt that is shown; for whoever has taken it
	chunk  *chunk       // what its worker took; one that replaces it goes on there
	shard  *shard       // where its worker counts
	dog    *watchdog
	_      [16]byte // a cache line each: a worker writes here for every attempt, and its neighbours must not wait for that
}

const none = -1

// arena is a row of attempts made at once.
type arena struct{ attempts []handlerAttempt }

// use shows another arena, of which nothing runs yet.
func (s *slot) use(a *arena) {
	s.index.Store(none)
	s.arena.Store(a)
}

// attempt returns the one that is shown; nil for none.
func (s *slot) attempt() *handlerAttempt {
	for {
		i, a := s.index.Load(), s.arena.Load()
		if i == none || a == nil {
			return nil
		}
		if s.index.Load() == i && s.arena.Load() == a && int(i) < len(a.attempts) {
			return &a.attempts[i]
		}
	}
}

// shown is an attempt in its slot.
type shown struct {
	slot    *slot
	attempt *handlerAttempt
}

// watchdog holds the attempts of a fixed set of slots to their deadlines with one timer, set to the earliest of them.
// Arming an attempt costs two atomic operations, unless its deadline is earlier than all others.
type watchdog struct {
	clock  clock
	expire func([]shown) // called for attempts that the watchdog has taken

	next  atomic.Int64 // when the timer fires; never, when it is not set
	mu    sync.Mutex   // held by a scan and while the timer is set
	timer *time.Timer
	_     [64]byte // next is read for every attempt, by all
	slots [slotsPerWatchdog]slot
}

func newWatchdog(c clock, expire func([]shown)) *watchdog {
	w := &watchdog{clock: c, expire: expire}
	w.next.Store(int64(never))
	for i := range w.slots {
		w.slots[i].dog = w
		w.slots[i].index.Store(none)
	}
	return w
}

// watch arms the i-th attempt of the arena; its worker owns the slot.
func (s *slot) watch(f *flight, a *handlerAttempt, i int) {
	s.flight = f
	s.index.Store(int64(i))
	if a.deadline != 0 && int64(a.deadline) < s.dog.next.Load() {
		s.dog.set(a.deadline)
	}
}

func (w *watchdog) set(deadline instant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setLocked(deadline)
}

func (w *watchdog) setLocked(deadline instant) {
	if int64(deadline) >= w.next.Load() {
		return
	}
	w.next.Store(int64(deadline))
	wait := max(time.Duration(deadline-w.clock.Now()), 0)
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.scan)
		return
	}
	w.timer.Reset(wait)
}

// scan takes every attempt whose deadline has come and sets the timer to the earliest of the others. An attempt that is
// armed meanwhile sees no timer and sets it itself.
func (w *watchdog) scan() {
	w.mu.Lock()
	w.next.Store(int64(never))
	now, earliest := w.clock.Now(), never
	var due []shown
	for i := range w.slots {
		s := &w.slots[i]
		a := s.attempt()
		if a == nil || a.deadline == 0 || a.owner.Load() != running {
			continue
		}
		if a.deadline <= now {
			due = append(due, shown{s, a})
		} else {
			earliest = min(earliest, a.deadline)
		}
	}
	if earliest != never {
		w.setLocked(earliest)
	}
	w.mu.Unlock()
	due = slices.DeleteFunc(due, func(d shown) bool { return !d.attempt.take(expired) })
	w.expire(due)
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}
