package pipeline

import (
	"fmt"
	"sync"
)

// failures collects what makes a loop fail although it went on: it counts, and keeps the first.
type failures struct {
	mu    sync.Mutex
	count int
	first error
}

func (f *failures) add(n int, id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count += n
	if f.first == nil {
		f.first = fmt.Errorf("transaction %s: %w", id, err)
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
