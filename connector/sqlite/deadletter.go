package sqlite

import (
	"context"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

const (
	selectDeadLettered = `SELECT id, key, deliveries, lost, enqueued_at, metadata, history, payload, digest IS NULL FROM items
		WHERE seq = ?`
	deadLetterAndForget = `DELETE FROM items WHERE seq = ?`
	deadLetterAndKeepID = `UPDATE items SET state = 'settled', due_at = ?, settled_at = ?, key = NULL, metadata = NULL, history = NULL,
		payload = NULL WHERE seq = ?`
)

// bury makes a dead letter of an item, for a reason that the queue has by itself. Its task is not known here.
func (q *Queue) deadLetter(t *tx, now, seq int64, reason string) error {
	l := letter{queue: q.number.Load(), item: seq, record: deadletter.Record{
		Category: ergon.CategorySystem, Phase: policy.PhaseProcess, Message: reason,
		Fingerprint: queueitem.Fingerprint(q.settings.Queue, reason), FailedAt: timeOf(now),
	}}
	var key any
	inBodies, digestless := false, false
	err := t.query(context.Background(), selectDeadLettered, func(r row) error {
		l.record.ID, key, l.record.Deliveries = r.text(0), r[1], int(r.int(2))
		l.record.Attempts, l.record.EnqueuedAt = int(r.int(2)), timeOf(r.int(4))
		l.metadata, l.history, l.payload, inBodies, digestless = r[5], r[6], r.bytes(7), r.isNull(7), r.int(8) != 0
		return nil
	}, seq)
	if err == nil && inBodies {
		l.payload, err = t.body(seq)
	}
	l.payload = queueitem.OrEmpty(l.payload)
	text, _ := l.metadata.(string)
	l.arrival = queueitem.ArrivalIn(text)
	if err == nil && digestless {
		err = t.storeDigest(undigested{seq, text, l.payload})
	}
	if err == nil {
		err = t.addLetter(&l)
	}
	if err == nil {
		err = q.leave(t, now, seq)
	}
	if err != nil {
		return err
	}
	return q.advance(t, now, key)
}

// leave takes an item out of the queue; its id is remembered like that of any other.
func (q *Queue) leave(t *tx, now, seq int64) error {
	var err error
	if forgetAt := q.forgetAt(now); forgetAt == 0 {
		_, err = t.exec(deadLetterAndForget, seq)
	} else {
		_, err = t.exec(deadLetterAndKeepID, forgetAt, now, seq)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(deleteBody, seq)
	return err
}
