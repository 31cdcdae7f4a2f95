// Package attempt is one bounded attempt to call a function that may ignore its context: who owns what follows from it, its context,
// and the timers that end it. The function returns in time, or its attempt is given up at the deadline and its result is late [T1].
//
// Two kinds of callers use it. A worker of a loop calls the function itself, shows the attempt in a [Slot], and is replaced by a
// [Watchdog] at the deadline. [Callers] let a caller wait for a function on another goroutine, and leave it at the deadline.
package attempt

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// Attempt is the part of an attempt that all kinds have in common. It is embedded in a context type, which adds Deadline and Value.
// It is used once, and may outlive the work that it was made for. It is small, because one is made for every call: what a context
// needs to end is made when somebody asks for it.
type Attempt struct {
	state atomic.Pointer[State]
	Until Instant // the deadline; 0 for none. Set before the attempt is shown
	Owner
	Mark uint32 // free for the type around it: beside Owner it takes no memory
}

// Done implements context.Context.
func (a *Attempt) Done() <-chan struct{} { return a.observed().channel() }

// Err implements context.Context.
func (a *Attempt) Err() error {
	if s := a.state.Load(); s != nil {
		if err := s.ended(); err != nil {
			return err
		}
	}
	if a.Returned() {
		return context.Canceled
	}
	return nil
}

// AfterFunc keeps contexts derived from this one from starting a goroutine each: package context looks for it.
func (a *Attempt) AfterFunc(f func()) (stop func() bool) { return a.observed().afterFunc(f) }

// End ends the context, unless it has ended. That decides nothing about the owner: the function may still return in time. cause is
// for context.Cause; nil for none besides err.
func (a *Attempt) End(err, cause error) { a.observed().end(err, cause) }

// Finish ends the context of an attempt that has returned in time; free of cost if nobody looked at it.
func (a *Attempt) Finish() {
	if s := a.state.Load(); s != nil {
		s.end(context.Canceled, nil)
	}
}

// Trace gives the attempt a context to inherit its values from, and a span, which may be nil. Only before it is shown. s is unused
// memory, which the attempt keeps.
func (a *Attempt) Trace(values context.Context, span trace.Span, s *State) {
	s.values, s.span = values, span
	a.state.Store(s)
}

// Span is that of the attempt; nil for none.
func (a *Attempt) Span() trace.Span {
	if s := a.state.Load(); s != nil {
		return s.span
	}
	return nil
}

// Values returns the context that the attempt inherits its values from: the traced one, otherwise the one that is given.
func (a *Attempt) Values(inherited context.Context) context.Context {
	if s := a.state.Load(); s != nil && s.values != nil {
		return s.values
	}
	return inherited
}

// ValueFrom is for the Value method of the type around it: the cause of the end comes first, because context.Cause asks for it.
func (a *Attempt) ValueFrom(inherited context.Context, key any) any {
	s := a.state.Load()
	if s == nil {
		return inherited.Value(key)
	}
	if v := s.causeValue(key); v != nil {
		return v
	}
	if s.values != nil {
		inherited = s.values
	}
	return inherited.Value(key)
}

// observed returns the state, made now if need be.
func (a *Attempt) observed() *State {
	s := a.made()
	a.endLate(s)
	return s
}

func (a *Attempt) made() *State {
	if s := a.state.Load(); s != nil {
		return s
	}
	a.state.CompareAndSwap(nil, &State{})
	return a.state.Load()
}

// endLate ends what was made after the attempt had returned: Finish may not have seen it.
func (a *Attempt) endLate(s *State) {
	if a.Returned() {
		s.end(context.Canceled, nil)
	}
}
