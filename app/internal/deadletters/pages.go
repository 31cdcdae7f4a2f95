// Package deadletters reads dead letters page by page and makes transactions of them.
package deadletters

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/deadletter"
)

// PageSize is the number of dead letters of a page. Two pages are in memory at most.
const PageSize = 200

// Pages reads the dead letters of a store. It reads one page ahead, so that the caller can drop the last page. It is not safe for
// concurrent use.
type Pages struct {
	Store  deadletter.Store
	Filter deadletter.Filter
	begun  bool
	ahead  []deadletter.Letter
}

// Next returns the next page; an empty one is the end. It can be called again after an error.
func (l *Pages) Next(ctx context.Context) ([]deadletter.Letter, error) {
	page := deadletter.Page{Limit: PageSize}
	if !l.begun {
		first, err := l.Store.ListDeadLetters(ctx, l.Filter, page)
		if err != nil {
			return nil, err
		}
		l.begun, l.ahead = true, first
	}
	letters := l.ahead
	if len(letters) < page.Limit {
		l.ahead = nil
		return letters, nil
	}
	page.After = letters[len(letters)-1].Key
	ahead, err := l.Store.ListDeadLetters(ctx, l.Filter, page)
	if err != nil {
		return nil, err
	}
	l.ahead = ahead
	return letters, nil
}

// All calls Next until the end or the first error.
func (l *Pages) All(ctx context.Context) iter.Seq2[[]deadletter.Letter, error] {
	return func(yield func([]deadletter.Letter, error) bool) {
		for {
			letters, err := l.Next(ctx)
			if len(letters) == 0 && err == nil || !yield(letters, err) || err != nil {
				return
			}
		}
	}
}

// Count counts the dead letters that match.
func Count(ctx context.Context, store deadletter.Store, filter deadletter.Filter) (int64, error) {
	groups, err := store.GroupDeadLetters(ctx, filter)
	var n int64
	for _, g := range groups {
		n += g.Count
	}
	return n, err
}

// Drop drops dead letters. For none it does nothing: a filter without keys would select all.
func Drop(ctx context.Context, store deadletter.Store, letters []deadletter.Letter) error {
	var filter deadletter.Filter
	for i := range letters {
		filter.Keys = append(filter.Keys, letters[i].Key)
	}
	if len(filter.Keys) == 0 {
		return nil
	}
	_, err := store.DropDeadLetters(ctx, filter)
	return err
}
