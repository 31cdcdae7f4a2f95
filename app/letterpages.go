package app

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/deadletter"
)

// lettersAtOnce is how many letters are in memory at most, twice.
const lettersAtOnce = 200

// letterPages goes through the letters of a store. It is a page ahead, so that what was returned can be dropped while it
// goes on. For one goroutine.
type letterPages struct {
	store  deadletter.Store
	filter deadletter.Filter
	begun  bool
	ahead  []deadletter.Letter
}

// next returns some letters, none at the end. After an error it can be called again.
func (l *letterPages) next(ctx context.Context) ([]deadletter.Letter, error) {
	page := deadletter.Page{Limit: lettersAtOnce}
	if !l.begun {
		first, err := l.store.ListDeadLetters(ctx, l.filter, page)
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
	ahead, err := l.store.ListDeadLetters(ctx, l.filter, page)
	if err != nil {
		return nil, err
	}
	l.ahead = ahead
	return letters, nil
}

// pages is next until the end or the first error.
func (l *letterPages) pages(ctx context.Context) iter.Seq2[[]deadletter.Letter, error] {
	return func(yield func([]deadletter.Letter, error) bool) {
		for {
			letters, err := l.next(ctx)
			if len(letters) == 0 && err == nil || !yield(letters, err) || err != nil {
				return
			}
		}
	}
}

// countLetters counts those that match.
func countLetters(ctx context.Context, store deadletter.Store, filter deadletter.Filter) (int64, error) {
	groups, err := store.GroupDeadLetters(ctx, filter)
	var n int64
	for _, g := range groups {
		n += g.Count
	}
	return n, err
}

// drop drops letters; a filter without keys would be all.
func drop(ctx context.Context, store deadletter.Store, letters []deadletter.Letter) error {
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
