package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite/internal/failpoint"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// letter is a dead letter as it is stored.
type letter struct {
	number   int64 // its key
	queue    int64 // it came from; 0 for from elsewhere
	item     any   // seq of what was delivered, or nil where that is not known
	arrival  string
	record   deadletter.Record
	metadata any // JSON, or nil for none
	binary   any // of metadata, as JSON, or nil for none
	history  any // JSON, or nil for none
	payload  []byte

	delivered *receipt // of the transaction, where a queue of this file delivered it
}

// encodeLetter takes whatever payload the transaction had: its letter is the last to hold it.
func encodeLetter(payload any) (letter, error) {
	var l letter
	switch r := payload.(type) {
	case deadletter.Record:
		l.record = r
	case *deadletter.Record:
		if r == nil {
			return l, errors.New("its payload is a nil *deadletter.Record")
		}
		l.record = *r
	default:
		return l, fmt.Errorf("its payload is %T, must be a deadletter.Record; dispatch other transactions to a queue", payload)
	}
	l.record = l.record.Encoded()
	err := l.encode()
	return l, err
}

// encode makes what is stored of the record.
func (l *letter) encode() (err error) {
	if l.metadata, err = queueitem.EncodeMetadata(l.record.Metadata); err != nil {
		return err
	}
	if len(l.record.BinaryMetadata) > 0 {
		binary, err := json.Marshal(l.record.BinaryMetadata)
		if err != nil {
			return err
		}
		l.binary = string(binary)
	}
	if text, is := l.record.Payload.(string); is && l.record.PayloadEncoding == deadletter.EncodingDescribed {
		l.payload = []byte(text)
		return nil
	}
	content, err := l.record.Content()
	l.payload = queueitem.OrEmpty(content)
	return err
}

// encodeLetter also notes which item was delivered: a transaction that is dispatched for a failed one has its delivery.
func (d *DeadLetters) encodeLetter(t ergon.Transaction) (letter, error) {
	l, err := encodeLetter(t.Payload())
	l.arrival = queueitem.TransactionOf(l.record.ID, nil, l.record.Metadata).Arrival()
	if r, ok := t.Delivery().Receipt.(*receipt); ok && r.queue.store.Load() == d.store.Load() {
		l.delivered = r
	}
	return l, err
}

const (
	// Who delivered the transaction of a letter; its id may be in several queues.
	letterSource = `SELECT items.queue, items.history, items.seq FROM queues CROSS JOIN items
		ON items.queue = queues.queue AND items.id = ?1
		WHERE items.enqueued_at = ?2 AND items.state <> 'settled' ORDER BY items.state = 'claimed' DESC LIMIT 1`
	letterItem = `SELECT queue, history, seq FROM items WHERE seq = ? AND id = ?`
	// A letter takes the place of another about the same item of the same queue. Where it came from elsewhere the item is not
	// known: then all that is known has to be the same, the content included.
	replaceLetter = `DELETE FROM dead_letters WHERE id = ?1 AND queue = ?2 AND arrival = ?3 AND (item = ?4 OR
		item IS NULL AND ?4 IS NULL AND task = ?5 AND enqueued_at IS ?6 AND digest = ?7)`
	insertLetter = `INSERT INTO dead_letters (queue, id, task, category, phase, attempts, message, first_error, fingerprint,
		handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, payload, item, arrival, digest,
		payload_encoding, binary_metadata)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// origin names a letter among those of all stores.
func (l *letter) origin(store string) string { return store + "/" + strconv.FormatInt(l.number, 10) }

// findSource looks for the queue in this file that delivered the transaction. Where the delivery itself is known so is its
// item; otherwise it is the one with that id and time of entering.
func (t *tx) findSource(l *letter) error {
	if l.delivered != nil {
		return t.query(context.Background(), letterItem, func(r row) error {
			l.queue, l.history, l.item = r.int(0), r[1], r.int(2)
			return nil
		}, l.delivered.seq, l.record.ID)
	}
	enqueued := microsOf(l.record.EnqueuedAt)
	if enqueued == nil {
		return nil
	}
	return t.query(context.Background(), letterSource, func(r row) error {
		l.queue, l.history, l.item = r.int(0), r[1], r.int(2)
		return nil
	}, l.record.ID, enqueued)
}

func (t *tx) addLetter(l *letter) error {
	failpoint.Hit("letter", "begun")
	defer failpoint.Hit("letter", "done")
	r := &l.record
	digest := l.digest()
	enqueued := microsOf(r.EnqueuedAt)
	if _, err := t.exec(replaceLetter, r.ID, l.queue, l.arrival, l.item, r.Task, enqueued, digest); err != nil {
		return err
	}
	failed := 0
	if r.HandlerFailed {
		failed = 1
	}
	_, err := t.exec(insertLetter, l.queue, r.ID, r.Task, r.Category.String(), string(r.Phase), r.Attempts, r.Message, r.FirstError,
		r.Fingerprint, failed, r.HandlerError, r.Deliveries, enqueued, r.FailedAt.UnixMicro(), l.metadata, l.history,
		l.payload, l.item, l.arrival, digest, l.storedEncoding(), l.binary)
	return err
}

// storedEncoding is empty where the payload itself is stored, whatever it is.
func (l *letter) storedEncoding() string {
	if l.record.PayloadEncoding == deadletter.EncodingDescribed {
		return string(deadletter.EncodingDescribed)
	}
	return ""
}

// digest is that of what the letter is about.
func (l *letter) digest() []byte {
	text, _ := l.metadata.(string)
	metadata, _ := queueitem.DecodeMetadata(text) // it was encoded here
	of := deadletter.Record{Metadata: metadata, BinaryMetadata: l.record.BinaryMetadata}
	d := queueitem.DigestOf(l.payload, of.AllMetadata())
	return d.Bytes()
}

const letterColumns = `letter, dead_letters.queue, id, task, category, phase, attempts, message, first_error, fingerprint,
	handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, payload, item, arrival, payload_encoding,
	binary_metadata`

// letterColumnCount is how many these are.
const letterColumnCount = 22

// readLetter reads letterColumns.
func readLetter(r row) (l letter, err error) {
	l = letter{
		number: r.int(0), queue: r.int(1), metadata: r[15], history: r[16], payload: r.bytes(17), item: r[18], arrival: r.text(19),
		record: deadletter.Record{
			ID: r.text(2), Task: r.text(3), Phase: policy.Phase(r.text(5)), Attempts: int(r.int(6)),
			Message: r.text(7), FirstError: r.text(8), Fingerprint: r.text(9),
			HandlerFailed: r.int(10) != 0, HandlerError: r.text(11), Deliveries: int(r.int(12)),
			EnqueuedAt: timeOf(r.int(13)), FailedAt: timeOf(r.int(14)),
		},
	}
	l.record.Payload, l.record.PayloadEncoding = deadletter.EncodePayload(r.bytes(17))
	if encoding := deadletter.Encoding(r.text(20)); encoding != deadletter.EncodingJSON {
		l.record.Payload, l.record.PayloadEncoding = string(r.bytes(17)), encoding
	}
	l.record = l.record.WithTexts() // for its id
	if binary := r.text(21); binary != "" {
		if err := json.Unmarshal([]byte(binary), &l.record.BinaryMetadata); err != nil {
			return l, fmt.Errorf("the metadata of dead letter %d is damaged: %w", l.number, err)
		}
	}
	if l.record.Metadata, err = queueitem.DecodeMetadata(r.text(15)); err != nil {
		return l, fmt.Errorf("the metadata of dead letter %d is damaged: %w", l.number, err)
	}
	if err := l.record.Category.UnmarshalText([]byte(r.text(4))); err != nil {
		return l, fmt.Errorf("dead letter %d: %w", l.number, err)
	}
	return l, nil
}
