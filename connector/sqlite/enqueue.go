package sqlite

import (
	"context"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/capability"
)

// maxInline is the largest payload that is kept in its item, which is written again with each change of state. It is such that
// a page holds two.
const maxInline = 1500

const (
	insertInto = `INSERT INTO items (seq, queue, id, state, due_at, priority, place, key, enqueued_at, ready_at, metadata, history,
		payload, digest, copy) VALUES `
	whenUnknown = ` ON CONFLICT (queue, id, copy) DO NOTHING`
	insertItem  = insertInto + `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + whenUnknown
	insertBody  = `INSERT INTO bodies (seq, payload) VALUES (?, ?)`
	takeNumbers = `UPDATE sequence SET next = next + ? RETURNING next`
	keyInUse    = `SELECT 1 FROM items WHERE queue = ? AND key = ? LIMIT 1`
	// As takeNumbers, and whether the queue has more than one of an id.
	beginIntake = `UPDATE sequence SET next = next + ? RETURNING next,
		EXISTS (SELECT 1 FROM items INDEXED BY items_copies WHERE queue = ? AND copy <> '')`
)

// enqueueing is how items enter a queue, and what it knew of them.
type enqueueing struct {
	queue   int64
	dedup   bool
	diverge bool // a derived id that is known with other content is stored under another
	copies  bool // the queue has more than one of an id, which no index tells
	known   []known
}

func (q *Queue) enqueueing() enqueueing {
	return enqueueing{queue: q.number.Load(), dedup: q.settings.Dedup, diverge: q.settings.OnConflict != capability.ConflictFirst}
}

// enqueue puts items behind what is in the queue. Those that it knows are left out.
func (t *tx) enqueue(to *enqueueing, now int64, items []item) error {
	if len(items) == 0 {
		return nil
	}
	next, err := t.begin(to, len(items))
	if err != nil {
		return err
	}
	t.woken = append(t.woken, to.queue)
	for len(items) > 0 {
		n, err := t.insertTogether(to, next, now, items)
		if err == nil && n == 0 {
			n, err = 1, t.insert(to, next, now, &items[0])
		}
		if err != nil {
			return err
		}
		items, next = items[n:], next+int64(n)
	}
	return nil
}

// begin returns the first of n numbers that nobody else gets.
func (t *tx) begin(to *enqueueing, n int) (next int64, err error) {
	err = t.query(context.Background(), beginIntake, func(r row) error {
		next, to.copies = r.int(0), r.int(1) != 0
		return nil
	}, n, to.queue)
	return next - int64(n), err
}

// together is how many items one statement inserts, claims or acknowledges, which takes a quarter less time than as many
// statements; more gain nothing.
const together = 10

// oneOf is what a column must be in to be that of one of several items.
var oneOf = "IN (" + strings.Repeat("?, ", together-1) + "?)" //nolint:gochecknoglobals // a part of statements

// Statements that insert several items without an ordering key: each set apart, as first arrivals in a queue that deduplicates (see
// copyOf), and of these such as are ready now and have no priority, as most are. They bind as little as they can, because that takes
// a third of the time; numbered parameters would take the driver longer.
//
//nolint:gochecknoglobals // statements
var (
	insertManyApart = insertManyOf(`(?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)`)
	insertMany      = insertManyOf(`(?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, '')`)
	insertManyReady = insertManyOf(`(?, ?, ?, 'ready', NULL, 0, ?, NULL, ?, ?, ?, ?, ?, ?, '')`)
)

func insertManyOf(row string) string {
	return insertInto + strings.Repeat(row+", ", together-1) + row + whenUnknown
}

const undoMany = `DELETE FROM items WHERE seq >= ? AND seq < ?`

// insertTogether inserts the first items at once and returns how many, where all of them are small and new, arrive for the
// first time and have no ordering key; otherwise 0.
func (t *tx) insertTogether(to *enqueueing, seq, now int64, items []item) (int, error) {
	if len(items) < together || to.dedup && to.copies {
		return 0, nil
	}
	items = items[:together]
	statement := insertManyReady
	for i := range items {
		switch it := &items[i]; {
		case it.Key != nil, len(it.Payload) > maxInline, to.dedup && it.Arrival != "":
			return 0, nil
		case !to.dedup:
			statement = insertManyApart
		case it.Priority != 0, it.DeliverAt > now:
			statement = insertMany
		}
	}
	added, err := t.exec(statement, to.argumentsOf(statement, seq, now, items)...)
	if err != nil || added == together {
		return int(added), err
	}
	_, err = t.exec(undoMany, seq, seq+together)
	return 0, err
}

// argumentsOf returns what a statement for several items binds. What is the same for all of them is made an any once.
func (to *enqueueing) argumentsOf(statement string, seq, now int64, items []item) []any {
	arguments, queue, enqueued := make([]any, 0, strings.Count(statement, "?")), any(to.queue), any(now)
	for i := range items {
		it := &items[i]
		at := seq + int64(i)
		place, since := any(at), enqueued
		arguments = append(arguments, place, queue, it.ID)
		if statement != insertManyReady {
			state, due, ready := it.begins(now)
			arguments, since = append(arguments, state, due, it.Priority), ready
		}
		arguments = append(arguments, place, enqueued, since, it.Metadata, it.History, it.Payload, it.Digest.Bytes())
		if statement == insertManyApart {
			arguments = append(arguments, to.copyOf(it, at))
		}
	}
	return arguments
}

// copyOf sets an item apart from what has the same id on purpose.
func (to *enqueueing) copyOf(it *item, seq int64) string {
	if to.dedup {
		return it.Arrival
	}
	return "#" + strconv.FormatInt(seq, 10)
}

// begins returns the state of an item that is enqueued now, whatever others have its key.
func (it *item) begins(now int64) (state string, due any, ready int64) {
	if it.DeliverAt > now {
		return stateDelayed, it.DeliverAt, it.DeliverAt
	}
	return stateReady, nil, now
}

// numbers returns the first of n numbers that nobody else gets.
func (t *tx) numbers(n int) (int64, error) {
	next, err := t.number(context.Background(), takeNumbers, n)
	return next - int64(n), err
}

// insert stores an item, unless the queue knows it.
func (t *tx) insert(to *enqueueing, seq, now int64, it *item) error {
	added, err := false, error(nil)
	if !to.dedup || !to.copies {
		added, err = t.add(to, seq, now, it)
	}
	if added || err != nil {
		return err
	}
	result, err := t.compare(to, now, it)
	if err == nil && result == capability.Conflict && to.diverge {
		if alternate := it.alternate(); alternate != "" {
			return t.insertDiverged(to, seq, now, it, alternate)
		}
	}
	if err == nil && result == "" {
		_, err = t.add(to, seq, now, it)
	} else if err == nil {
		to.known = append(to.known, known{it.of, it.at, result})
	}
	return err
}

// insertDiverged stores an item under its alternate id. Where that is known, so is the item.
func (t *tx) insertDiverged(to *enqueueing, seq, now int64, it *item, alternate string) error {
	other := *it
	other.ID, other.of = alternate, nil
	before := len(to.known)
	if err := t.insert(to, seq, now, &other); err != nil {
		return err
	}
	if len(to.known) > before {
		to.known[before].of = it.of
	} else {
		to.known = append(to.known, known{it.of, it.at, capability.Diverged})
	}
	return nil
}

// add reports whether the item is stored, which it is not where an index knows it.
func (t *tx) add(to *enqueueing, seq, now int64, it *item) (bool, error) {
	state, due, ready := it.begins(now)
	turn, err := t.turnOf(to.queue, it.Key)
	if err != nil {
		return false, err
	}
	if turn == stateBehind {
		state = turn
	}
	inline := any(it.Payload)
	if len(it.Payload) > maxInline {
		inline = nil
	}
	added, err := t.exec(insertItem, seq, to.queue, it.ID, state, due, it.Priority, seq, it.Key, now, ready, it.Metadata, it.History,
		inline, it.Digest.Bytes(), to.copyOf(it, seq))
	if err == nil && added > 0 && inline == nil {
		_, err = t.exec(insertBody, seq, it.Payload)
	}
	if err == nil && added > 0 && to.dedup && it.Arrival != "" {
		err = t.remove(supersede, to.queue, it.ID, seq)
	}
	return added > 0, err
}

// supersede leaves of what has settled no more than its id and digest, once it arrives again: replayed, it would be done
// beside the later arrival.
const supersede = `UPDATE items SET metadata = NULL, history = NULL, payload = NULL
	WHERE queue = ? AND id = ? AND seq <> ? AND state = 'settled' AND digest IS NOT NULL RETURNING seq`

// turnOf is the state of a new item with that ordering key.
func (t *tx) turnOf(queue int64, key any) (string, error) {
	if key == nil {
		return stateReady, nil
	}
	before, err := t.number(context.Background(), keyInUse, queue, key)
	if before != 0 {
		return stateBehind, err
	}
	return stateReady, err
}

const deleteBody = `DELETE FROM bodies WHERE seq = ?`

// remove runs a statement that deletes items, or their payloads, and returns their seq, and deletes their bodies.
func (t *tx) remove(statement string, arguments ...any) error {
	var gone []int64
	err := t.query(context.Background(), statement, func(r row) error {
		gone = append(gone, r.int(0))
		return nil
	}, arguments...)
	for _, seq := range gone {
		if err == nil {
			_, err = t.exec(deleteBody, seq)
		}
	}
	return err
}
