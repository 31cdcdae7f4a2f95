package app

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
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

// origin names a letter among those of all stores, as far as its store can tell.
func origin(letter deadletter.Letter) string {
	if letter.Origin != "" {
		return letter.Origin
	}
	return letter.Key + "@" + letter.FailedAt.UTC().Format(time.RFC3339Nano)
}

// returning is the transaction that a letter is about, as it arrives once more.
func returning(letter deadletter.Letter, edit *letterEdit) (ergon.Transaction, error) {
	if edit != nil && letter.PayloadEncoding == deadletter.EncodingDescribed {
		letter.PayloadEncoding = deadletter.EncodingText // another payload takes the place of the description
	}
	tx, err := revived(letter)
	if err != nil {
		return tx, err
	}
	if edit != nil {
		tx = capability.Edited(tx, edit.payload, contentOf(tx))
	}
	return tx.WithArrival(capability.NextArrival(tx, origin(letter))), nil
}

// revived is the transaction that a letter is about, as it was.
func revived(letter deadletter.Letter) (ergon.Transaction, error) {
	tx, err := letter.Transaction()
	if err != nil {
		return tx, fmt.Errorf("dead letter %s: %w", letter.Key, err)
	}
	return tx, nil
}

// contentOf is the digest of a transaction whose payload is bytes.
func contentOf(tx ergon.Transaction) capability.ContentDigest {
	payload, _ := tx.Payload().([]byte)
	return capability.ContentDigestOf(payload, maps.Collect(tx.AllMetadata()))
}
