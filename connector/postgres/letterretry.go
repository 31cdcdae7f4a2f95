package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/queueitem"
)

const (
	lastLetter    = `SELECT coalesce(max(letter), 0) FROM {dead_letters}`
	deleteLetters = `DELETE FROM {dead_letters} WHERE letter = ANY ($1::bigint[])`
	// The item that a letter is about, unsettled.
	letterIsAhead = `SELECT seq FROM {items} WHERE queue = $1 AND id = $2 AND state <> 'settled' AND
		(seq = $3::bigint OR $3::bigint IS NULL AND enqueued_at = $4::timestamptz) LIMIT 1`
	inAQueue = "l.queue IN (SELECT queue FROM {queues})"
)

// RetryDeadLetters requeues all matching letters to their original queues and returns their number. Each letter moves with its history
// in one SQL transaction. It is another arrival of its transaction, so the queue accepts it although it knows the id. A letter stays
// and is not counted if its transaction came from another source, or if its queue has the same arrival with other content. Many
// letters take several SQL transactions. If one fails, the number counts the letters that were requeued before.
func (d *DeadLetters) RetryDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	c := where(filter, inAQueue)
	return d.inParts(ctx, "retry", func(ctx context.Context, t *tx, from, to int64) (int64, int64, error) {
		letters, err := t.letters(ctx, c, from, to)
		if err != nil || len(letters) == 0 {
			return 0, to, err
		}
		n, err := d.retryAll(ctx, t, letters, nil)
		return n, letters[len(letters)-1].number, err
	})
}

// EditDeadLetter requeues the letter with that key as RetryDeadLetters does, with another payload. It returns false and changes nothing
// if there is no such letter or it cannot be requeued.
func (d *DeadLetters) EditDeadLetter(ctx context.Context, key string, payload []byte) (bool, error) {
	c := where(deadletter.Filter{Keys: []string{key}}, inAQueue)
	var n int64
	err := d.write(ctx, "retry", func(ctx context.Context, t *tx) error {
		letters, err := t.letters(ctx, c, 0, math.MaxInt64)
		if err == nil {
			n, err = d.retryAll(ctx, t, letters, queueitem.OrEmpty(payload))
		}
		return err
	})
	return n > 0, err
}

// retryAll returns how many of the letters are in their queue again, with another payload if that is not nil.
func (d *DeadLetters) retryAll(ctx context.Context, t *tx, letters []letter, payload []byte) (n int64, err error) {
	var now time.Time
	err = t.query(ctx, serverNow, func(scan func(into ...any) error) error { return scan(&now) })
	for i := range letters {
		if err != nil {
			return 0, err
		}
		arrived, err := d.retry(ctx, t, now.UTC(), &letters[i], payload)
		if err != nil {
			return 0, fmt.Errorf("dead letter %d: %w", letters[i].number, err)
		}
		if arrived {
			n++
		}
	}
	return n, err
}

// retry puts the transaction of a letter back into its queue, and the letter goes. If the queue has the item still, as after a crash
// between the letter and the acknowledgement, the queue stays as it is. The letter stays if the queue has the same arrival with other
// content, and if it only describes its payload: nothing has arrived then.
func (d *DeadLetters) retry(ctx context.Context, t *tx, now time.Time, l *letter, payload []byte) (arrived bool, err error) {
	if payload == nil && l.Record.PayloadEncoding == deadletter.EncodingDescribed {
		return false, nil
	}
	if payload == nil {
		ahead, err := numbersOf(ctx, t, letterIsAhead, l.queue, storable(l.Record.ID), l.item, orNull(l.Record.EnqueuedAt))
		if err != nil {
			return false, err
		}
		if len(ahead) > 0 {
			return true, t.query(ctx, deleteLetters, nil, []int64{l.number})
		}
	}
	revived, err := l.Revived(l.origin(t.id), l.key(), now, payload, maxPayload)
	if err != nil {
		return false, err
	}
	to := intake{queue: l.queue, dedup: true}
	if err := d.level(ctx, l.queue, int32(revived.Priority)); err != nil {
		return false, err
	}
	if err := to.enqueue(ctx, t, []item{{Item: revived}}); err != nil {
		return false, err
	}
	t.woken = append(t.woken, l.queue)
	if len(to.known) > 0 && to.known[0].result != capability.Duplicate {
		return false, nil
	}
	return true, t.query(ctx, deleteLetters, nil, []int64{l.number})
}

// DropDeadLetters deletes the letters that match and returns their number. Many letters take several SQL transactions. If one fails,
// the number counts the letters that were deleted before. It returns [deadletter.ErrNothingSelected], and deletes nothing, if the
// filter is empty and All is not set.
func (d *DeadLetters) DropDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	if err := filter.ValidateDrop(); err != nil {
		return 0, fmt.Errorf("%s: drop: %w", d.what, err)
	}
	c := where(filter)
	return d.inParts(ctx, "drop", func(ctx context.Context, t *tx, from, to int64) (int64, int64, error) {
		query, arguments := page("SELECT l.letter", c, from, to)
		numbers, err := numbersOf(ctx, t, query, arguments...)
		if err != nil || len(numbers) == 0 {
			return 0, to, err
		}
		return int64(len(numbers)), numbers[len(numbers)-1], t.query(ctx, deleteLetters, nil, numbers)
	})
}

// inParts calls do with the letters after from, up to the last one that is there now, until it has come to its end. It returns how many
// it has dealt with.
func (d *DeadLetters) inParts(
	ctx context.Context, step string, do func(ctx context.Context, t *tx, from, to int64) (n, last int64, err error),
) (total int64, err error) {
	var from, to int64
	err = d.use(ctx, step, func(ctx context.Context, s *store) error { return s.pool.QueryRow(ctx, s.sql(lastLetter)).Scan(&to) })
	for err == nil && from < to {
		var n, last int64
		err = d.write(ctx, step, func(ctx context.Context, t *tx) (err error) {
			n, last, err = do(ctx, t, from, to)
			return err
		})
		if err == nil {
			total, from = total+n, last
		}
	}
	return total, err
}

// page is a query for some of the letters that match, in the order of their numbers. Others who move them at the same time wait.
func page(columns string, c condition, from, to int64) (query string, arguments []any) {
	c.text, c.arguments = slices.Clone(c.text), slices.Clone(c.arguments)
	c.and("l.letter > ?::bigint", from)
	c.and("l.letter <= ?::bigint", to)
	query = columns + " FROM {dead_letters} l WHERE " + c.String() + " ORDER BY l.letter LIMIT " + c.next(maxAtOnce) + " FOR UPDATE"
	return query, c.arguments
}

func (t *tx) letters(ctx context.Context, c condition, from, to int64) (letters []letter, err error) {
	query, arguments := page("SELECT "+letterColumns, c, from, to)
	err = t.query(ctx, query, func(scan func(into ...any) error) error {
		l, err := readLetter(scan)
		letters = append(letters, l)
		return err
	}, arguments...)
	return letters, err
}
