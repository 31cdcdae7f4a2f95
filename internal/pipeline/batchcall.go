package pipeline

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
)

// batchCall is one call on behalf of several callers.
type batchCall struct {
	requests []*request
	reports  reports
	cancel   context.CancelFunc
	left     int // callers that do not wait any more; guarded by Coalescer.mu
}

// tell tells each caller what became of its own. Where a call of several failed as a whole, nothing of it is durable, and it
// does not say whose fault that is: each then dispatches by itself, as if there were no others. The error is what its author
// returned, and what was read of it.
func (j *batchCall) tell(err, read error) {
	failed, partial := errors.AsType[*ergon.BatchError](read)
	if err == nil || partial {
		j.deal(failed)
	}
	first := 0
	for _, p := range j.requests {
		switch {
		case err == nil:
			p.result <- nil
		case partial:
			p.result <- failuresOf(failed, first, len(p.transactions))
		case len(j.requests) > 1:
			p.result <- errAlone
		default:
			p.result <- err
		}
		first += len(p.transactions)
	}
}

// failuresOf returns the failures of n items from first, counted from 0; nil for none.
func failuresOf(batch *ergon.BatchError, first, n int) error {
	failures := map[int]error{}
	for i := range n {
		if err := batch.Failures[first+i]; err != nil {
			failures[i] = err
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: failures}
}
