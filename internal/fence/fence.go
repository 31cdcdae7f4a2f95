// Package fence tells which attempt a context belongs to, whatever was derived from it since, and whether that was given up [T1].
// A context that outlives its attempt, as one of context.WithoutCancel does, still carries its identity.
package fence

import "context"

// Attempt is one call that may be given up while it goes on.
type Attempt interface {
	// GivenUp reports whether nobody waits for the call any more. Safe for concurrent use.
	GivenUp() bool
}

// Key is what a context answers with its attempt to.
type Key struct{}

// Of returns the attempt that ctx belongs to; nil for none.
func Of(ctx context.Context) Attempt {
	a, _ := ctx.Value(Key{}).(Attempt)
	return a
}
