package memory

import (
	"cmp"
	"slices"
	"time"
)

// lanes keep the order of ordering keys, by key: one transaction of a key is out at a time, whoever fetches, and the next only
// once that is settled permanently. A requeue, with or without a delay, keeps the lane closed. Transactions without a key have none.
type lanes struct {
	byKey map[string]*lane
	len   int // how many wait behind others
}

type lane struct {
	head   *item
	behind []*item // in the order of dispatch
}

// admit reports whether an item may be delivered; otherwise it waits in its lane.
func (l *lanes) admit(it *item) bool {
	if it.key == "" {
		return true
	}
	if l.byKey == nil {
		l.byKey = map[string]*lane{}
	}
	at := l.byKey[it.key]
	switch {
	case at == nil:
		l.byKey[it.key] = &lane{head: it}
		return true
	case at.head == it:
		return true
	default:
		i, _ := slices.BinarySearchFunc(at.behind, it.place, func(other *item, place uint64) int { return cmp.Compare(other.place, place) })
		at.behind = slices.Insert(at.behind, i, it) // mostly the last; not where it was taken out by id and came back
		l.len++
		return false
	}
}

// leave is for an item that is gone; it returns the one whose turn it is then, nil for none.
func (l *lanes) leave(it *item) *item {
	at := l.byKey[it.key]
	if it.key == "" || at == nil || at.head != it {
		return nil
	}
	if len(at.behind) == 0 {
		delete(l.byKey, it.key)
		return nil
	}
	at.head, at.behind = at.behind[0], at.behind[1:]
	l.len--
	return at.head
}

// takeByID takes out an item that waits behind others.
func (l *lanes) takeByID(id string) *item {
	for _, at := range l.byKey {
		for i, it := range at.behind {
			if it.transaction.ID() == id {
				at.behind = append(at.behind[:i:i], at.behind[i+1:]...)
				l.len--
				return it
			}
		}
	}
	return nil
}

// next opens the lane of an item that is gone.
func (q *Queue) next(it *item) {
	if after := q.lanes.leave(it); after != nil {
		after.due = time.Time{}
		q.returned.put(after)
	}
}
