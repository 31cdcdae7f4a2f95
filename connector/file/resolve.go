package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// FetchTransactionByID returns the record with an id, acknowledged or not, or capability.ErrNotFound. It also accepts
// name:line. It reads the file up to the record. Settling the transaction has no effect: the loop still delivers the record.
func (s *Source) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	if err := s.opened(); err != nil {
		return ergon.Transaction{}, err
	}
	w, ok := s.ids.parse(id)
	if !ok {
		return ergon.Transaction{}, fmt.Errorf("file source: %q: %w: ids of this file are %s<line>-<content>; %s:<line> finds what "+
			"is there now", id, capability.ErrNotFound, s.ids.prefix, s.ids.name)
	}
	if s.saver != nil {
		if err := s.saver.begin(); err != nil {
			return ergon.Transaction{}, prefixed(err)
		}
	}
	t, err := s.document.find(ctx, s.ids, w)
	if err != nil {
		return t, fmt.Errorf("file source: %q: %w", id, err)
	}
	return t.WithDelivery(ergon.Delivery{Receipt: &receipt{source: s, looked: true}}), nil
}

func (d document) find(ctx context.Context, ids recordIDs, w wanted) (t ergon.Transaction, err error) {
	p, err := d.begin(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for {
		r, err := p.next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return t, fmt.Errorf("%w: %s has no record there", capability.ErrNotFound, d.path)
		case err != nil:
			return t, err
		case r.Line > w.line || r.Line == w.line && r.Nth > w.nth:
			return t, fmt.Errorf("%w: no record begins on line %d of %s", capability.ErrNotFound, w.line, d.path)
		case r.Line != w.line || r.Nth != w.nth:
		case !w.means(&r):
			return t, fmt.Errorf("%w: line %d of %s has other content now", capability.ErrNotFound, w.line, d.path)
		default:
			return ergon.NewTransaction(ids.of(&r), p.payload(&r)), nil
		}
	}
}
