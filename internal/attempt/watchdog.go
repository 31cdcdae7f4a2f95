package attempt

import "slices"

// SlotsPerWatchdog bounds what one scan costs: about 1 ns a slot.
const SlotsPerWatchdog = 128

// Watchdog holds the attempts of a fixed set of slots to their deadlines with one timer. A is the type around [Attempt], C what a
// slot also carries.
type Watchdog[A, C any] struct {
	base   func(*A) *Attempt
	expire func([]Shown[A, C])
	alarm  alarm
	_      [64]byte // the alarm is read for every attempt, by all
	slots  [SlotsPerWatchdog]Slot[A, C]
}

// Shown is an attempt in its slot.
type Shown[A, C any] struct {
	Slot    *Slot[A, C]
	Attempt *A
}

// NewWatchdog returns one with empty slots. base finds the common part of an attempt. expire gets the attempts that have reached
// their deadline and were taken from their workers, on a goroutine of its own.
func NewWatchdog[A, C any](c Clock, base func(*A) *Attempt, expire func([]Shown[A, C])) *Watchdog[A, C] {
	w := &Watchdog[A, C]{base: base, expire: expire}
	w.alarm.init(c, w.scan)
	for i := range w.slots {
		w.slots[i].dog = w
		w.slots[i].index.Store(none)
	}
	return w
}

// Slot returns the i-th.
func (w *Watchdog[A, C]) Slot(i int) *Slot[A, C] { return &w.slots[i] }

// Running yields the attempts that nobody has decided yet: for shown := range w.Running.
func (w *Watchdog[A, C]) Running(yield func(Shown[A, C]) bool) {
	for i := range w.slots {
		s := &w.slots[i]
		if a := s.shown(); a != nil && w.base(a).Running() && !yield(Shown[A, C]{s, a}) {
			return
		}
	}
}

// Stop stops the timer. A scan that has begun continues.
func (w *Watchdog[A, C]) Stop() { w.alarm.disarm() }

// scan finds every attempt whose deadline has come; then takes them.
func (w *Watchdog[A, C]) scan(now Instant) (earliest Instant, then func()) {
	var due []Shown[A, C]
	earliest = Never
	for i := range w.slots {
		s := &w.slots[i]
		a := s.shown()
		if a == nil {
			continue
		}
		switch at := w.base(a); {
		case at.Until == 0 || !at.Running():
		case at.Until <= now:
			due = append(due, Shown[A, C]{s, a})
		default:
			earliest = min(earliest, at.Until)
		}
	}
	return earliest, func() {
		w.expire(slices.DeleteFunc(due, func(d Shown[A, C]) bool { return !w.base(d.Attempt).Expire() }))
	}
}
