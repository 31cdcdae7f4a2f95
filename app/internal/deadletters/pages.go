// Package deadletters reads dead letters page by page and makes transactions of them.
package deadletters

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/deadletter"
)

// PageSize is how many letters are in memory at most, twice.
const PageSize = 200

// Pages goes through the letters of a store. It is a page ahead, so that what was returned can be dropped while it
// goes on. For one goroutine.
type Pages struct {
	Store  deadletter.Store
	Filter deadletter.Filter
	begun  bool
	ahead  []deadletter.Letter
}

// Next returns some letters, none at the end. After an error it can be called again.
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

// All is next until the end or the first error.
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

// Count counts those that match.
func Count(ctx context.Context, store deadletter.Store, filter deadletter.Filter) (int64, error) {
	groups, err := store.GroupDeadLetters(ctx, filter)
	var n int64
	for _, g := range groups {
		n += g.Count
	}
	return n, err
}

// Drop drops letters; a filter without keys would be all.
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
