package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/file/internal/content"
	"github.com/ergon-go/ergon/connector/file/internal/records"
)

// maxRequeued is how many bytes of requeued records are kept in memory; with more, only those are delivered.
const maxRequeued = 64 << 20

// FetchTransactions returns up to limit records. Requeued records that are due come before new ones. If there is no record, it
// waits until one is due or the window moves. After MaxWait it returns nothing.
//
// It returns ergon.ErrExhausted, without records, when the file has ended and everything is acknowledged; records in flight may
// still be requeued. If the rest of the file cannot be read, it returns a permanent error instead. After any other error the
// next call continues where reading failed.
func (s *Source) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if limit < 1 {
		return nil, fmt.Errorf("file source: fetch %d transactions: want at least 1", limit)
	}
	if err := s.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer func() { s.turn <- struct{}{} }()
	if err := s.unreported; err != nil {
		s.unreported = nil
		return nil, err
	}
	patience := time.NewTimer(s.settings.MaxWait)
	defer patience.Stop()
	for {
		batch, due, err := s.available(ctx, limit)
		if len(batch) > 0 {
			if ctx.Err() == nil {
				s.unreported = err
			}
			return batch, nil
		}
		if err != nil {
			return nil, err
		}
		if again, err := s.wait(ctx, patience.C, due); !again {
			return nil, err
		}
	}
}

func (s *Source) takeTurn(ctx context.Context) error {
	if err := s.opened(); err != nil {
		return err
	}
	select {
	case <-s.turn:
	case <-s.stop:
		return s.errNotOpen()
	case <-ctx.Done():
		return fmt.Errorf("file source: fetch: %w", context.Cause(ctx))
	}
	if ctx.Err() != nil {
		s.turn <- struct{}{}
		return fmt.Errorf("file source: fetch: %w", context.Cause(ctx))
	}
	return nil
}

// available returns the records that can be delivered now, and when the next requeued one is due.
func (s *Source) available(ctx context.Context, limit int) ([]ergon.Transaction, time.Time, error) {
	s.mu.Lock()
	batch := s.redeliver(limit)
	room := s.room(limit - len(batch))
	due := s.requeued.due()
	s.mu.Unlock()
	read, err := s.read(ctx, room)
	if len(read) > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return append(batch, s.deliver(read)...), due, err
	}
	if err != nil || len(batch) > 0 {
		return batch, due, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil && s.window.open == 0 {
		return nil, due, s.ended
	}
	return nil, due, nil
}

func (s *Source) redeliver(limit int) []ergon.Transaction {
	var batch []ergon.Transaction
	now := time.Now()
	for len(batch) < limit {
		r, ok := s.requeued.take(now)
		if !ok {
			break
		}
		batch = append(batch, r.transaction())
	}
	return batch
}

// room returns how many new records may be read.
func (s *Source) room(limit int) int {
	if s.ended != nil || s.requeued.bytes > maxRequeued {
		return 0
	}
	return min(limit, s.settings.Window-s.window.span())
}

// fresh is the first delivery of a record.
type fresh struct {
	receipt receipt
	end     content.Position
}

func (s *Source) deliver(read []fresh) []ergon.Transaction {
	batch := make([]ergon.Transaction, len(read))
	for i := range read {
		f := &read[i]
		s.window.add(f.end, &f.receipt)
		batch[i] = f.receipt.transaction()
	}
	return batch
}

// read reads up to limit records. What it has read when ctx ends, or when an error comes, it returns.
func (s *Source) read(ctx context.Context, limit int) ([]fresh, error) {
	if limit <= 0 {
		return nil, nil
	}
	const maxAtOnce = 4096 // a high limit must not reserve memory that a short file does not need
	if s.saver != nil {
		if err := s.saver.begin(); err != nil {
			return nil, prefixed(err)
		}
	}
	if s.pass.in.Offset() >= s.changes.next {
		if err := s.check(ctx); err != nil {
			return nil, s.stopped(err)
		}
	}
	read := make([]fresh, 0, min(limit, maxAtOnce))
	for len(read) < limit {
		r, err := s.pass.next(ctx)
		if err == nil && r.NoLineEnd {
			err = s.lastLine(ctx, r.Line)
		}
		if errors.Is(err, records.ErrUnfinished) {
			return read, s.waitFor()
		}
		if errors.Is(err, io.EOF) {
			if changed := s.checkAtEnd(ctx); changed != nil {
				err = changed
			}
		}
		if err != nil {
			return read, s.stopped(err)
		}
		s.unfinished = time.Time{}
		read = append(read, fresh{
			receipt: receipt{source: s, count: 1, id: s.ids.of(&r), payload: s.pass.payload(&r)},
			end:     r.End,
		})
	}
	return read, nil
}

// stopped stores the end of the file. It returns err unless that is the end.
func (s *Source) stopped(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, io.EOF) {
		s.ended = ergon.ErrExhausted
		return nil
	}
	if _, ok := errors.AsType[*unreadableError](err); ok {
		s.ended = prefixed(ergon.Permanent(err))
		return nil
	}
	return prefixed(err)
}

// wait waits for a reason to look again, and reports whether there is one.
func (s *Source) wait(ctx context.Context, patience <-chan time.Time, due time.Time) (bool, error) {
	var isDue <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		isDue = timer.C
	}
	select {
	case <-s.wake:
		return true, nil
	case <-isDue:
		return true, nil
	case <-patience:
		return false, nil
	case <-s.stop:
		return false, s.errNotOpen()
	case <-ctx.Done():
		return false, fmt.Errorf("file source: wait for unsettled transactions: %w", context.Cause(ctx))
	}
}
