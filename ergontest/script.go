package ergontest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Step is how one call of a fake goes: how long it takes, by waiting, and what it returns. [Succeed], [Fail], [Take], [Hang]
// and [Ignore] make the usual ones; any function will do.
type Step func(ctx context.Context) error

// Succeed is a call that succeeds at once.
func Succeed() Step { return Fail(nil) }

// Fail is a call that fails with err at once.
func Fail(err error) Step { return func(context.Context) error { return err } }

// Take is a call that takes d and succeeds, or fails with the cause of its context where that ends before.
func Take(d time.Duration) Step {
	return func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Hang is a call that only the end of its context ends.
func Hang() Step {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// Ignore is a call that takes d and succeeds, whatever becomes of its context.
func Ignore(d time.Duration) Step {
	return func(ctx context.Context) error { return Take(d)(context.WithoutCancel(ctx)) }
}

// Script says how the calls of a fake go, one step each; calls after the last step succeed. A fake calls Next in each of its
// methods and returns the error:
//
//	func (g *geocoder) Find(ctx context.Context, airport string) (Place, error) {
//		return g.places[airport], g.script.Next(ctx)
//	}
//
// A nil *Script is one without steps. It is safe for concurrent use.
type Script struct {
	mu    sync.Mutex
	steps []Step
	calls int
}

// NewScript returns a script of steps.
func NewScript(steps ...Step) *Script { return &Script{steps: slices.Clone(steps)} }

// Next goes the next step.
func (s *Script) Next(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.next()(ctx)
}

func (s *Script) next() Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.calls > len(s.steps) {
		return Succeed()
	}
	return s.steps[s.calls-1]
}

// Calls returns how often Next was called.
func (s *Script) Calls() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}
