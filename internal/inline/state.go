package inline

import "sync/atomic"

// state is who gets the result of a call. Each method is one compare-and-swap; true moves the ownership as its comment says.
type state struct{ word atomic.Uint32 }

const (
	inline    uint32 = iota // its caller waits in it
	succeeded               // its caller has the result
	handedOff               // its caller was slow in it: another goroutine is in the caller's place
	finished                // its result waits to be adopted
	abandoned               // nobody waits for it any more
)

// succeed: the caller keeps the result.
func (s *state) succeed() bool { return s.word.CompareAndSwap(inline, succeeded) }

// handOff: the caller's place goes to another goroutine, and the result to who adopts the call.
func (s *state) handOff() bool { return s.word.CompareAndSwap(inline, handedOff) }

// fail: the caller keeps its place, and the result goes to who adopts the call.
func (s *state) fail() bool { return s.word.CompareAndSwap(inline, finished) }

// finish: the result goes to who adopts the call, and the goroutine that made it ends.
func (s *state) finish() bool { return s.word.CompareAndSwap(handedOff, finished) }

// abandon: the result goes to the late handler, on the goroutine that made the call.
func (s *state) abandon() bool { return s.word.CompareAndSwap(handedOff, abandoned) }

// abandoned reports whether the result goes to the late handler. It is final.
func (s *state) abandoned() bool { return s.word.Load() == abandoned }
