package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// CountTransactions returns the number of records that are not acknowledged, malformed ones included. The first call reads the
// rest of the file in bounded memory and does not decode it; further calls cost nothing. If the rest of the file cannot be read,
// it counts the records before the error.
func (s *Source) CountTransactions(ctx context.Context) (int64, error) {
	if err := s.opened(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	total := s.total
	s.mu.Unlock()
	if total < 0 {
		var err error
		if total, err = s.document.count(ctx, s.from); err != nil {
			return 0, fmt.Errorf("file source: count: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total = total
	return max(total-s.window.settled, 0), nil
}

func (d document) count(ctx context.Context, from content.Position) (n int64, err error) {
	p, err := d.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.goTo(ctx, from, true); err != nil {
		return 0, fmt.Errorf("%s: %w", d.path, err)
	}
	for {
		_, err := p.next(ctx)
		if _, unreadable := errors.AsType[*unreadableError](err); unreadable || errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		n++
	}
}
