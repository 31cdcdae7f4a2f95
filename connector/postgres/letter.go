package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/queueitem"
	"github.com/ergon-go/ergon/policy"
)

// letter is a dead letter as it is stored.
type letter struct {
	queueitem.Letter

	number int64  // its key
	queue  int64  // it came from; 0 for from elsewhere
	item   *int64 // seq of what was delivered, or nil if it is not known

	delivered *receipt // of the transaction, if a queue of this schema delivered it
}

func (l *letter) key() string { return strconv.FormatInt(l.number, 10) }

// origin names a letter among those of all stores.
func (l *letter) origin(store string) string { return store + "/" + l.key() }

// encodeLetter also notes which item was delivered: a transaction that is dispatched for a failed one has its delivery.
func (d *DeadLetters) encodeLetter(t ergon.Transaction) (letter, error) {
	encoded, err := queueitem.EncodeLetter(t.Payload())
	l := letter{Letter: encoded}
	if r, ok := t.Delivery().Receipt.(*receipt); ok && r.queue.store.Load().isSame(d.store.Load()) {
		l.delivered = r
	}
	return l, err
}

const (
	// Who delivered the transaction of a letter; its id may be in several queues.
	letterSource = `SELECT i.queue, i.history, i.seq FROM {queues} q JOIN {items} i ON i.queue = q.queue AND i.id = $1
		WHERE i.enqueued_at = $2 AND i.state <> 'settled' ORDER BY i.state = 'claimed' DESC LIMIT 1`
	letterItem = `SELECT queue, history, seq FROM {items} WHERE queue = $1 AND seq = $2 AND id = $3`
	// A letter takes the place of another about the same item of the same queue. If it came from elsewhere, the item is not known: then
	// all that is known must be the same, the content included.
	replaceLetter = `DELETE FROM {dead_letters} WHERE hashtextextended(id, 0) = hashtextextended($1::text, 0) AND id = $1::text AND queue = $2
		AND arrival = $3 AND (item = $4::bigint OR
		item IS NULL AND $4::bigint IS NULL AND task = $5 AND enqueued_at IS NOT DISTINCT FROM $6::timestamptz AND digest = $7)`
	insertLetter = `INSERT INTO {dead_letters} (queue, id, task, category, phase, attempts, message, first_error, fingerprint,
		handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, payload, item, arrival, digest,
		payload_encoding, binary_metadata)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`
)

// findSources looks for the queues in this schema that delivered the transactions. If the delivery itself is known, so is its item;
// otherwise it is the one with that id and time of entering.
func (t *tx) findSources(ctx context.Context, letters []letter) error {
	for i := range letters {
		l := &letters[i]
		note := func(scan func(into ...any) error) error {
			var history *string
			err := scan(&l.queue, &history, &l.item)
			l.History = anyOf(history)
			return err
		}
		id := storable(l.Record.ID)
		var err error
		if l.delivered != nil {
			err = t.query(ctx, letterItem, note, l.delivered.queue.number.Load(), l.delivered.seq, id)
		} else if !l.Record.EnqueuedAt.IsZero() {
			err = t.query(ctx, letterSource, note, id, l.Record.EnqueuedAt)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addLetter(ctx context.Context, l *letter) error {
	r := &l.Record
	id, arrival, digest, enqueued := storable(r.ID), storable(l.Arrival), l.Digest(), orNull(r.EnqueuedAt)
	if err := t.query(ctx, replaceLetter, nil, id, l.queue, arrival, l.item, storable(r.Task), enqueued, digest); err != nil {
		return err
	}
	return t.query(ctx, insertLetter, nil, l.queue, id, storable(r.Task), r.Category.String(), string(r.Phase), r.Attempts,
		storable(r.Message), storable(r.FirstError), storable(r.Fingerprint), r.HandlerFailed, storable(r.HandlerError), r.Deliveries,
		enqueued, r.FailedAt, textOf(l.Metadata), textOf(l.History), l.Payload, l.item, arrival, digest, l.Encoding(), textOf(l.Binary))
}

const letterColumns = `l.letter, l.queue, l.id, l.task, l.category, l.phase, l.attempts, l.message, l.first_error, l.fingerprint,
	l.handler_failed, l.handler_error, l.deliveries, l.enqueued_at, l.failed_at, l.metadata, l.history, l.payload, l.item, l.arrival,
	l.payload_encoding, l.binary_metadata`

// readLetter reads letterColumns, and more behind them.
func readLetter(scan func(into ...any) error, more ...any) (l letter, err error) {
	r := &l.Record
	var category, phase, encoding string
	var metadata, history, binary *string
	var enqueued *time.Time
	err = scan(append([]any{
		&l.number, &l.queue, &r.ID, &r.Task, &category, &phase, &r.Attempts, &r.Message, &r.FirstError, &r.Fingerprint, &r.HandlerFailed,
		&r.HandlerError, &r.Deliveries, &enqueued, &r.FailedAt, &metadata, &history, &l.Payload, &l.item, &l.Arrival, &encoding, &binary,
	}, more...)...)
	if err != nil {
		return l, err
	}
	for _, text := range []*string{&r.ID, &r.Task, &r.Message, &r.FirstError, &r.Fingerprint, &r.HandlerError, &l.Arrival} {
		*text = read(*text)
	}
	r.Phase, r.EnqueuedAt, r.FailedAt = policy.Phase(phase), utc(enqueued), r.FailedAt.UTC()
	l.Metadata, l.History, l.Binary = anyOf(metadata), anyOf(history), anyOf(binary)
	err = l.Decode(l.key(), encoding, orEmpty(metadata), orEmpty(binary), category)
	return l, err
}
