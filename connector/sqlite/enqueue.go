package sqlite

import (
	"context"
	"strings"
)

// mostInline is the largest payload that is kept in its item, which is written again with each change of state. It is such that
// a page holds two.
const mostInline = 1500

const (
	insertInto = `INSERT INTO items (seq, queue, id, state, due_at, priority, place, key, enqueued_at, ready_at, metadata, history,
		payload) VALUES `
	whenUnknown  = ` ON CONFLICT (queue, id) DO NOTHING`
	insertItem   = insertInto + `(?1, ?2, ?3, ?4, ?5, ?6, ?1, ?7, ?8, ?9, ?10, ?11, ?12)` + whenUnknown
	insertBody   = `INSERT INTO bodies (seq, payload) VALUES (?, ?)`
	takeNumbers  = `UPDATE sequence SET next = next + ? RETURNING next`
	keyInUse     = `SELECT 1 FROM items WHERE queue = ? AND key = ? LIMIT 1`
	forgottenOne = `DELETE FROM items WHERE queue = ? AND id = ? AND state = 'settled' AND due_at <= ? RETURNING seq`
)

// enqueue puts items behind what is in the queue. Those whose id the queue knows are left out.
func (t *tx) enqueue(queue, now int64, items []item) error {
	if len(items) == 0 {
		return nil
	}
	next, err := t.numbers(len(items))
	if err != nil {
		return err
	}
	t.woken = append(t.woken, queue)
	for len(items) > 0 {
		n, err := t.insertTogether(next, queue, now, items)
		if err == nil && n == 0 {
			n, err = 1, t.insert(next, queue, now, &items[0])
		}
		if err != nil {
			return err
		}
		items, next = items[n:], next+int64(n)
	}
	return nil
}

// together is how many items one statement inserts, which takes a quarter less time than as many statements; more gain
// nothing.
const together = 10

//nolint:gochecknoglobals // a statement
var insertMany = insertInto + strings.Repeat(`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), `, together-1) +
	`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + whenUnknown

const undoMany = `DELETE FROM items WHERE seq >= ? AND seq < ?`

// insertTogether inserts the first items at once and returns how many, where all of them are small and new and have no
// ordering key; otherwise 0.
func (t *tx) insertTogether(seq, queue, now int64, items []item) (int, error) {
	if len(items) < together {
		return 0, nil
	}
	arguments := make([]any, 0, 13*together)
	for i := range items[:together] {
		it := &items[i]
		if it.key != nil || len(it.payload) > mostInline {
			return 0, nil
		}
		at := seq + int64(i)
		state, due, ready := it.begins(now)
		arguments = append(arguments, at, queue, it.id, state, due, it.priority, at, nil, now, ready, it.metadata, it.history, it.payload)
	}
	added, err := t.exec(insertMany, arguments...)
	if err != nil || added == together {
		return int(added), err
	}
	_, err = t.exec(undoMany, seq, seq+together)
	return 0, err
}

// begins returns the state of an item that is enqueued now, whatever others have its key.
func (it *item) begins(now int64) (state string, due any, ready int64) {
	if it.deliverAt > now {
		return stateDelayed, it.deliverAt, it.deliverAt
	}
	return stateReady, nil, now
}

// numbers returns the first of n numbers that nobody else gets.
func (t *tx) numbers(n int) (int64, error) {
	next, err := t.number(context.Background(), takeNumbers, n)
	return next - int64(n), err
}

func (t *tx) insert(seq, queue, now int64, it *item) error {
	state, due, ready := it.begins(now)
	turn, err := t.turnOf(queue, it.key)
	if err != nil {
		return err
	}
	if turn == stateBehind {
		state = turn
	}
	inline := any(it.payload)
	if len(it.payload) > mostInline {
		inline = nil
	}
	add := func() (int64, error) {
		return t.exec(insertItem, seq, queue, it.id, state, due, it.priority, it.key, now, ready, it.metadata, it.history, inline)
	}
	added, err := add()
	if err == nil && added == 0 {
		// Known, unless it is only that nobody has deleted it yet.
		if added, err = t.remove(forgottenOne, queue, it.id, now); err == nil && added > 0 {
			added, err = add()
		}
	}
	if err != nil || added == 0 || inline != nil {
		return err
	}
	_, err = t.exec(insertBody, seq, it.payload)
	return err
}

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

// remove runs a statement that deletes items and returns their seq, deletes their bodies and returns how many there were.
func (t *tx) remove(statement string, arguments ...any) (int64, error) {
	var gone []int64
	err := t.query(context.Background(), statement, func(r row) error {
		gone = append(gone, r.int(0))
		return nil
	}, arguments...)
	if err != nil {
		return 0, err
	}
	for _, seq := range gone {
		if _, err := t.exec(deleteBody, seq); err != nil {
			return 0, err
		}
	}
	return int64(len(gone)), nil
}
