package memory

// list is a queue of items, linked through the items themselves: an item is in one list at most, and leaves it from
// anywhere at the same cost.
type list struct {
	first, last *item
	len         int
}

func (l *list) pushBack(it *item) {
	it.previous, it.next = l.last, nil
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
	l.len++
}

func (l *list) remove(it *item) {
	if it.previous == nil {
		l.first = it.next
	} else {
		it.previous.next = it.next
	}
	if it.next == nil {
		l.last = it.previous
	} else {
		it.next.previous = it.previous
	}
	it.previous, it.next = nil, nil
	l.len--
}

func (l *list) find(id string) *item {
	it := l.first
	for it != nil && it.transaction.ID() != id {
		it = it.next
	}
	return it
}
