package queuemodel

import (
	"cmp"
	"slices"
	"time"
)

// model is a queue as its rules say, in a few lines and with no thought of how fast it is.
type model struct {
	now     func() time.Time
	window  time.Duration
	most    int // lost deliveries
	items   []*modelItem
	numbers int
	dead    []*modelItem
}

type modelItem struct {
	id, arrival, content  string
	key                   string
	priority, seq, place  int
	notBefore             time.Time // delayed until then
	until                 time.Time // claimed until then
	claimed, settled      bool
	forgotten             time.Time
	claims, counted, lost int
}

// resolve returns what would be delivered by its id, and whether there is something that is not settled.
func (m *model) resolve(id string) (found *modelItem, there bool) {
	for _, it := range m.items {
		if it.id != id || it.settled {
			continue
		}
		there = true
		if !it.claimed && !m.isBehind(it) && (found == nil || it.arrival < found.arrival) {
			found = it
		}
	}
	return found, there
}

func (m *model) remove(gone *modelItem) {
	m.items = slices.DeleteFunc(m.items, func(it *modelItem) bool { return it == gone })
}

// sent is what is dispatched; alternate is its other id, "" where the first is not derived.
type sent struct {
	id, alternate, arrival, content, key string
	priority                             int
	notBefore                            time.Time
}

// enqueue returns what is reported.
func (m *model) enqueue(s sent) string {
	m.numbers++
	known, report := m.compare(s), ""
	if known == "conflict" && s.alternate != "" {
		s.id = s.alternate
		if known = m.compare(s); known == "" {
			report = "diverged"
		}
	}
	if known != "" {
		return known
	}
	m.items = append(m.items, &modelItem{
		id: s.id, arrival: s.arrival, content: s.content, key: s.key, priority: s.priority, seq: m.numbers, place: m.numbers,
		notBefore: s.notBefore,
	})
	return report
}

// compare forgets what is to be forgotten.
func (m *model) compare(s sent) (known string) {
	for _, it := range slices.Clone(m.items) {
		switch {
		case it.id != s.id || s.arrival != "" && it.arrival != s.arrival:
		case it.settled && !it.forgotten.After(m.now()):
			m.remove(it)
		case it.content == s.content:
			known = "duplicate"
		case known == "":
			known = "conflict"
		}
	}
	return known
}

// settleDue requeues what has outlived its lease, or up.
func (m *model) settleDue() {
	for _, it := range slices.Clone(m.items) {
		if !it.claimed || it.until.After(m.now()) {
			continue
		}
		it.claimed = false
		it.lost++
		if it.lost >= m.most {
			m.leave(it)
			m.dead = append(m.dead, it)
		}
	}
}

func (m *model) leave(it *modelItem) {
	it.claimed, it.settled, it.forgotten = false, true, m.now().Add(m.window)
}

// ready tells whether an item may be delivered as far as others with its key are concerned, and its own delay.
func (m *model) ready(it *modelItem) bool {
	if it.settled || it.claimed || it.notBefore.After(m.now()) {
		return false
	}
	return !m.isBehind(it)
}

func (m *model) isBehind(it *modelItem) bool {
	return slices.ContainsFunc(m.items, func(other *modelItem) bool {
		return it.key != "" && other.key == it.key && !other.settled && other.seq < it.seq
	})
}

func (m *model) isLast(it *modelItem) bool { return it.lost > 0 && it.lost+1 >= m.most }

func (m *model) inLine() []*modelItem {
	line := slices.DeleteFunc(slices.Clone(m.items), func(it *modelItem) bool { return !m.ready(it) })
	slices.SortFunc(line, func(a, b *modelItem) int {
		return cmp.Or(-cmp.Compare(a.priority, b.priority), cmp.Compare(a.place, b.place))
	})
	return line
}

func (m *model) claim(limit int) []*modelItem {
	m.settleDue()
	out := slices.ContainsFunc(m.items, func(it *modelItem) bool { return it.claimed && m.isLast(it) })
	var last, batch []*modelItem
	for _, it := range m.inLine() {
		switch {
		case !m.isLast(it):
			batch = append(batch, it)
		case !out && len(last) == 0:
			last = append(last, it)
		}
	}
	batch = append(last, batch...)
	batch = batch[:min(limit, len(batch))]
	for _, it := range batch {
		m.deliver(it)
	}
	return batch
}

func (m *model) deliver(it *modelItem) {
	it.claimed, it.until = true, m.now().Add(Lease)
	it.claims++
	it.counted++
}

// settle returns false for a stale delivery.
func (m *model) settle(it *modelItem, claim int, how string, delay time.Duration) bool {
	if !m.isOurs(it, claim) {
		return false
	}
	switch how {
	case "ack":
		m.leave(it)
	case "reject":
		m.leave(it)
		m.dead = append(m.dead, it)
	default:
		it.claimed = false
		it.notBefore = m.now().Add(delay)
		if how == "interrupt" {
			it.counted--
			return true
		}
		it.lost = 0
		if it.key == "" && delay == 0 {
			m.numbers++
			it.place = m.numbers
		}
	}
	return true
}

func (m *model) extend(it *modelItem, claim int) bool {
	if !m.isOurs(it, claim) {
		return false
	}
	it.until = m.now().Add(Lease)
	return true
}

func (m *model) isOurs(it *modelItem, claim int) bool {
	return slices.Contains(m.items, it) && it.claimed && it.claims == claim && it.until.After(m.now())
}
