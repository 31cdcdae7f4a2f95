package capability

import "context"

// Finisher is a connector that wants to know that a loop came to its natural end, everything settled: a file sink puts
// its result in place then. It is called before Close, and not at all when the loop was cut short or failed.
type Finisher interface {
	Finish(ctx context.Context) error
}
