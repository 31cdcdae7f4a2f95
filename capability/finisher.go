package capability

import "context"

// Finisher is a connector that wants to know that a loop came to its natural end, everything settled: a file sink puts
// its result in place then. It is called before Close, and not at all when the loop was cut short or failed.
type Finisher interface {
	Finish(ctx context.Context) error
}

// Replacer is a Finisher whose result is that of one run: it takes the place of the result before, and what was sent
// without a natural end to follow may never be seen. Whoever sends to it from outside of a run, as enqueueing and replaying
// do, is to refuse it where it says so.
type Replacer interface {
	Finisher

	// ReplacesResult reports whether it is set up to do so.
	ReplacesResult() bool
}
