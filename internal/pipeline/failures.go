package pipeline

import (
	"errors"
	"fmt"
	"sync"
)

// mostFailures is how many errors a loop's own error lists; the others are counted.
const mostFailures = 5

// failures collects what makes a loop fail although it went on.
type failures struct {
	mu    sync.Mutex
	count int
	first []error
}

func (f *failures) add(kind error, id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.first) < mostFailures {
		f.first = append(f.first, fmt.Errorf("%w: transaction %s: %w", kind, id, err))
	}
}

func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count > len(f.first) {
		return errors.Join(append(f.first, fmt.Errorf("and %d more", f.count-len(f.first)))...)
	}
	return errors.Join(f.first...)
}
