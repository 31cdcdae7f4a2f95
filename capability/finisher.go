package capability

import "context"

// Finisher is a connector that is notified when a loop has come to its natural end and everything is settled: a file sink puts
// its result in place then. Finish is called before Close. It is not called if the loop was interrupted or failed.
type Finisher interface {
	Finish(ctx context.Context) error
}

// Replacer is a Finisher whose result belongs to one run and replaces the earlier result. What is dispatched without a natural
// end afterwards may never become visible. Code that dispatches outside a run, such as enqueue and replay, must refuse it if
// ReplacesResult returns true.
type Replacer interface {
	Finisher

	// ReplacesResult reports whether it is configured to replace.
	ReplacesResult() bool
}
