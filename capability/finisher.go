package capability

import "context"

// Finisher is a connector that is notified when a loop has come to its natural end and everything is settled. A file sink then
// replaces the old file by its result. Finish is called before Close. It is not called if the loop was interrupted or failed.
type Finisher interface {
	Finish(ctx context.Context) error
}

// Replacer is a Finisher whose result belongs to one run and replaces the earlier result. If transactions are dispatched and no
// natural end follows, they may never become visible. If ReplacesResult returns true, code that dispatches outside a run, such as
// enqueue and replay, must refuse the connector.
type Replacer interface {
	Finisher

	// ReplacesResult reports whether it is configured to replace.
	ReplacesResult() bool
}
