// Package fence finds the attempt that a context belongs to, and whether that attempt was abandoned [T1]. All contexts that are
// derived from the attempt's context belong to it, even if they outlive it, as those of context.WithoutCancel do.
package fence

import "context"

// Attempt is a call that may be abandoned while it still runs.
type Attempt interface {
	// GivenUp reports whether the call was abandoned: nobody waits for its result. It is safe for concurrent use.
	GivenUp() bool
}

// Key is the key of the attempt among the values of a context.
type Key struct{}

// Of returns the attempt of ctx; nil for none.
func Of(ctx context.Context) Attempt {
	a, _ := ctx.Value(Key{}).(Attempt)
	return a
}
