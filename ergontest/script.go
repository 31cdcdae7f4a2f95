package ergontest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Step is one call of a fake: it waits as long as the call takes, and returns the error of the call. Succeed, Fail, Take, Hang
// and Ignore make the usual steps. Any function of this type is a step, too.
type Step func(ctx context.Context) error

// Succeed makes a step that succeeds at once.
func Succeed() Step { return Fail(nil) }

// Fail makes a step that fails with err at once.
func Fail(err error) Step { return func(context.Context) error { return err } }

// Take makes a step that takes d and succeeds. If its context ends earlier, it fails with the cause.
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

// Hang makes a step that returns only when its context ends, with the cause.
func Hang() Step {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// Ignore makes a step that takes d and succeeds, even if its context ends earlier.
func Ignore(d time.Duration) Step {
	return func(ctx context.Context) error { return Take(d)(context.WithoutCancel(ctx)) }
}

// Script sets the results of the calls of a fake, one step for each call. Calls after the last step succeed. A fake calls Next in
// each of its methods and returns the error:
//
//	func (g *geocoder) Find(ctx context.Context, airport string) (Place, error) {
//		return g.places[airport], g.script.Next(ctx)
//	}
//
// A nil *Script has no steps. A Script is safe for concurrent use.
type Script struct {
	mu    sync.Mutex
	steps []Step
	calls int
}

// NewScript returns a script with these steps.
func NewScript(steps ...Step) *Script { return &Script{steps: slices.Clone(steps)} }

// Next runs the next step and returns its error; nil after the last step.
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

// Calls returns the number of calls of Next.
func (s *Script) Calls() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}
