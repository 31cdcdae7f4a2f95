package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon"
)

// FetchTransactionByID returns the record with the id name:line, acknowledged or not, or ergon.ErrNotFound. It reads the
// file up to there. Settling the transaction changes nothing: the loop that the record belongs to delivers it all the same.
func (s *Source) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	if err := s.opened(); err != nil {
		return ergon.Transaction{}, err
	}
	line, nth, ok := s.document.parseID(id)
	if !ok {
		return ergon.Transaction{}, fmt.Errorf("file source: %q: %w: ids of this file are %s<line>", id, ergon.ErrNotFound, s.document.prefix)
	}
	t, err := s.document.find(ctx, line, nth)
	if err != nil {
		return t, fmt.Errorf("file source: %q: %w", id, err)
	}
	return t.WithDelivery(ergon.Delivery{Receipt: &receipt{source: s, looked: true}}), nil
}

func (d document) parseID(id string) (line int64, nth int32, ok bool) {
	place, ok := strings.CutPrefix(id, d.prefix)
	if !ok {
		return 0, 0, false
	}
	number, ordinal, several := strings.Cut(place, ":")
	line, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !several {
		return line, 1, err == nil
	}
	n, err := strconv.ParseInt(ordinal, 10, 32)
	return line, int32(n), err == nil
}

func (d document) find(ctx context.Context, line int64, nth int32) (t ergon.Transaction, err error) {
	p, err := d.begin(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for {
		r, err := p.next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return t, fmt.Errorf("%w: %s has no record there", ergon.ErrNotFound, d.path)
		case err != nil:
			return t, err
		case r.line > line || r.line == line && r.nth > nth:
			return t, fmt.Errorf("%w: no record begins on line %d of %s", ergon.ErrNotFound, line, d.path)
		case r.line == line && r.nth == nth:
			return p.transaction(&r), nil
		}
	}
}
