package attempt

import "sync/atomic"

// maxAhead is how many attempts a busy worker makes at once: one allocation for that many.
const maxAhead = 32

// none is the index of a slot in which nothing runs.
const none = -1

// Slot is where a worker shows the attempt that it runs: one of those that it made ahead, by its index, because an index is cheaper
// to publish than a pointer. One worker has it at a time, and does not touch it once it has lost an attempt.
type Slot[A, C any] struct {
	row   atomic.Pointer[row[A]]
	index atomic.Int64 // none: nothing runs
	used  int          // how many of the row; the worker's
	dog   *Watchdog[A, C]
	// Carried belongs to the attempt that is shown: to its worker, and then to whoever has taken the attempt.
	Carried C
	_       [8]byte // a cache line each, with three words carried: a worker writes here for every attempt, and must not delay its neighbours
}

// row is attempts made at once.
type row[A any] struct{ attempts []A }

// Next returns an unused attempt, to be prepared and shown. A worker that is kept busy makes more and more of them at a time.
func (s *Slot[A, C]) Next() *A {
	r := s.row.Load()
	if r == nil || s.used == len(r.attempts) {
		r = s.grow()
	}
	s.used++
	return &r.attempts[s.used-1]
}

func (s *Slot[A, C]) grow() *row[A] {
	r := &row[A]{attempts: make([]A, min(max(2*s.used, 1), maxAhead))}
	s.index.Store(none) // before the row, of which nothing runs yet
	s.row.Store(r)
	s.used = 0
	return r
}

// Show has the attempt that Next returned last watched until its deadline. It costs two atomic operations, unless the deadline is
// earlier than all others of the watchdog.
func (s *Slot[A, C]) Show(until Instant) {
	s.index.Store(int64(s.used - 1))
	if until != 0 {
		s.dog.alarm.arm(until)
	}
}

// Clear says that nothing runs.
func (s *Slot[A, C]) Clear() { s.index.Store(none) }

// shown returns the attempt; nil for none. It reads the index twice, because the two words are not changed together.
func (s *Slot[A, C]) shown() *A {
	for {
		i, r := s.index.Load(), s.row.Load()
		if i == none || r == nil {
			return nil
		}
		if s.index.Load() == i && s.row.Load() == r && int(i) < len(r.attempts) {
			return &r.attempts[i]
		}
	}
}
