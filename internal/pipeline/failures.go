package pipeline

import (
	"errors"
	"fmt"
	"sync"
)

// ErrUnsettled is returned by a loop that could not settle some transactions with their source: they are delivered again.
var ErrUnsettled = errors.New("some transactions could not be settled")

// failures collects what makes a loop fail although it went on: it counts, and keeps the first. Safe for concurrent use.
type failures struct {
	watcher *watcher

	mu    sync.Mutex // guards what follows
	count int
	first error
}

// unsettled notes transactions that are left to be delivered again.
func (f *failures) unsettled(left failedFlights) {
	if len(left.flights) == 0 {
		return
	}
	f.watcher.log.unsettled(left.summary())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count += len(left.flights)
	if f.first == nil {
		f.first = fmt.Errorf("transaction %s: %w", left.flights[0].tx.ID(), left.err)
	}
}

func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.count {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: %w", ErrUnsettled, f.first)
	default:
		return fmt.Errorf("%w: %d of them, the first: %w", ErrUnsettled, f.count, f.first)
	}
}
