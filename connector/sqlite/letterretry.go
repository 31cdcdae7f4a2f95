package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

const (
	lastLetter   = `SELECT max(letter) FROM dead_letters`
	deleteLetter = `DELETE FROM dead_letters WHERE letter = ?`
	// The item that a letter is about, unsettled. Letters from before schema 3 do not name it.
	letterIsAhead = `SELECT 1 FROM items WHERE queue = ?1 AND id = ?2 AND state <> 'settled' AND
		(seq = ?3 OR ?3 IS NULL AND enqueued_at = ?4) LIMIT 1`
)

// RetryDeadLetters requeues all matching letters to their original queues and returns their number. Each letter moves with its
// history in one SQL transaction. It is another arrival of its transaction, so the queue accepts it although it knows the id. A
// letter stays and is not counted if its transaction came from another source, or if its queue has the same arrival with other
// content. Many letters take several SQL transactions. If one fails, the number counts the letters that were requeued before.
func (d *DeadLetters) RetryDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	c, err := where(filter, "dead_letters.queue IN (SELECT queue FROM queues)")
	if err != nil {
		return 0, err
	}
	return d.inParts(ctx, "retry", func(t *tx, from, to int64) (int64, int64, error) {
		letters, err := t.letters(c, from, to)
		if err != nil || len(letters) == 0 {
			return 0, to, err
		}
		n, err := d.retryAll(t, letters, nil)
		return n, letters[len(letters)-1].number, err
	})
}

// EditDeadLetter requeues the letter with that key as RetryDeadLetters does, with another payload. It returns false and changes
// nothing if there is no such letter or it cannot be requeued.
func (d *DeadLetters) EditDeadLetter(ctx context.Context, key string, payload []byte) (bool, error) {
	c, err := where(deadletter.Filter{Keys: []string{key}}, "dead_letters.queue IN (SELECT queue FROM queues)")
	if err != nil {
		return false, err
	}
	var n int64
	err = d.write(ctx, "retry", func(t *tx) error {
		letters, err := t.letters(c, 0, math.MaxInt64)
		if err == nil {
			n, err = d.retryAll(t, letters, queueitem.OrEmpty(payload))
		}
		return err
	})
	return n > 0, err
}

// retryAll returns how many of the letters are in their queue again, with another payload where one is given.
func (d *DeadLetters) retryAll(t *tx, letters []letter, payload []byte) (n int64, err error) {
	for i := range letters {
		arrived, err := t.retry(d.store.Load().id, d.micros(), &letters[i], payload)
		if err != nil {
			return 0, fmt.Errorf("dead letter %d: %w", letters[i].number, err)
		}
		if arrived {
			n++
		}
	}
	return n, nil
}

// DropDeadLetters deletes the letters that match and returns their number. Many letters take several SQL transactions. If one
// fails, the number counts the letters that were deleted before. It returns [deadletter.ErrNothingSelected], and deletes nothing,
// if the filter is empty and All is not set.
func (d *DeadLetters) DropDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	if err := filter.ValidateDrop(); err != nil {
		return 0, fmt.Errorf("sqlite dead letters: drop: %w", err)
	}
	c, err := where(filter)
	if err != nil {
		return 0, err
	}
	return d.inParts(ctx, "drop", func(t *tx, from, to int64) (int64, int64, error) {
		numbers, err := t.letterNumbers(c, from, to)
		if err != nil || len(numbers) == 0 {
			return 0, to, err
		}
		for _, number := range numbers {
			if _, err := t.exec(deleteLetter, number); err != nil {
				return 0, 0, err
			}
		}
		return int64(len(numbers)), numbers[len(numbers)-1], nil
	})
}

// inParts calls do with the letters after from, up to the last one that is there now, until it has come to its end. It
// returns how many it has dealt with and the last of them.
func (d *DeadLetters) inParts(
	ctx context.Context, step string, do func(t *tx, from, to int64) (n, last int64, err error),
) (total int64, err error) {
	var from, to int64
	err = d.glance(ctx, step, func(conn *conn) (err error) {
		to, err = conn.number(context.Background(), lastLetter)
		return err
	})
	for err == nil && from < to {
		var n, last int64
		err = d.write(ctx, step, func(t *tx) (err error) {
			n, last, err = do(t, from, to)
			return err
		})
		if err == nil {
			total, from = total+n, last
		}
	}
	return total, err
}

func (t *tx) letters(c condition, from, to int64) (letters []letter, err error) {
	query := "SELECT " + letterColumns + " FROM dead_letters WHERE " + c.String() +
		" AND letter > ? AND letter <= ? ORDER BY letter LIMIT ?"
	err = t.query(context.Background(), query, func(r row) error {
		l, err := readLetter(r)
		letters = append(letters, l)
		return err
	}, append(slices.Clip(c.arguments), from, to, maxAtOnce)...)
	return letters, err
}

func (t *tx) letterNumbers(c condition, from, to int64) (numbers []int64, err error) {
	query := "SELECT letter FROM dead_letters WHERE " + c.String() + " AND letter > ? AND letter <= ? ORDER BY letter LIMIT ?"
	err = t.query(context.Background(), query, func(r row) error {
		numbers = append(numbers, r.int(0))
		return nil
	}, append(slices.Clip(c.arguments), from, to, maxAtOnce)...)
	return numbers, err
}

// retry puts the transaction of a letter back into its queue, and the letter goes. Where that has the item still, as after a
// crash between the letter and the acknowledgement, the queue stays as it is. The letter stays where the queue has the same
// arrival with other content, and where it only describes its payload: nothing has arrived then.
func (t *tx) retry(store string, now int64, l *letter, payload []byte) (arrived bool, err error) {
	if payload == nil && l.record.PayloadEncoding == deadletter.EncodingDescribed {
		return false, nil
	}
	if payload == nil {
		ahead, err := t.number(context.Background(), letterIsAhead, l.queue, l.record.ID, l.item, microsOf(l.record.EnqueuedAt))
		if err != nil {
			return false, err
		}
		if ahead != 0 {
			_, err = t.exec(deleteLetter, l.number)
			return true, err
		}
	}
	it, err := l.revived(store, now, payload)
	if err != nil {
		return false, err
	}
	to := enqueueing{queue: l.queue, dedup: true}
	if err := t.enqueue(&to, now, []item{it}); err != nil {
		return false, err
	}
	if len(to.known) > 0 && to.known[0].result != capability.Duplicate {
		return false, nil
	}
	_, err = t.exec(deleteLetter, l.number)
	return true, err
}

// revived is the item of a letter that arrives once more, with another payload where one is given.
func (l *letter) revived(store string, now int64, payload []byte) (item, error) {
	metadata := l.record.AllMetadata()
	tx := queueitem.TransactionOf(l.record.ID, queueitem.OrEmpty(l.payload), metadata)
	if payload != nil {
		tx = capability.Edited(tx, payload, capability.ContentDigestOf(l.payload, metadata))
	}
	tx = tx.WithArrival(capability.NextArrival(tx, l.origin(store)))
	it, err := queueitem.Encode(tx, maxPayload)
	if err != nil {
		return item{}, err
	}
	it.DeliverAt = 0 // it was kept once
	history, err := l.failures()
	if err != nil {
		return item{}, err
	}
	r := &l.record
	encoded, err := json.Marshal(append(history, deadletter.Failure{
		Category: r.Category, Phase: r.Phase, Message: r.Message, FailedAt: r.FailedAt, RetriedAt: timeOf(now),
	}))
	it.History = string(encoded)
	return item{Item: it}, err
}
