package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ergon-go/ergon/connector/sqlite/internal/failpoint"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// letter is a dead letter as it is stored.
type letter struct {
	number   int64 // its key
	queue    int64 // it came from; 0 for from elsewhere
	record   deadletter.Record
	metadata any // JSON, or nil for none
	history  any // JSON, or nil for none
	payload  []byte
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
	var err error
	if l.metadata, err = encodeMetadata(l.record.Metadata); err != nil {
		return l, err
	}
	if malformed, is := l.record.Payload.(error); is {
		if _, encodes := l.record.Payload.(json.Marshaler); !encodes {
			l.record.Payload = malformed.Error()
		}
	}
	l.payload, err = encodePayload(l.record.Payload)
	return l, err
}

const (
	// Who delivered the transaction of a letter; its id may be in several queues.
	letterSource = `SELECT items.queue, items.history FROM queues CROSS JOIN items ON items.queue = queues.queue AND items.id = ?1
		WHERE items.enqueued_at = ?2 AND items.state <> 'settled' ORDER BY items.state = 'claimed' DESC LIMIT 1`
	replaceLetter = `DELETE FROM dead_letters WHERE id = ? AND queue = ? AND task = ?`
	insertLetter  = `INSERT INTO dead_letters (queue, id, task, category, phase, attempts, message, first_error, fingerprint,
		handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, payload)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// findSource looks for the queue in this file that delivered the transaction.
func (t *tx) findSource(l *letter) error {
	enqueued := microsOf(l.record.EnqueuedAt)
	if enqueued == nil {
		return nil
	}
	return t.query(context.Background(), letterSource, func(r row) error {
		l.queue, l.history = r.int(0), r[1]
		return nil
	}, l.record.ID, enqueued)
}

func (t *tx) addLetter(l *letter) error {
	failpoint.Hit("letter", "begun")
	defer failpoint.Hit("letter", "done")
	r := &l.record
	if _, err := t.exec(replaceLetter, r.ID, l.queue, r.Task); err != nil {
		return err
	}
	failed := 0
	if r.HandlerFailed {
		failed = 1
	}
	_, err := t.exec(insertLetter, l.queue, r.ID, r.Task, r.Category.String(), string(r.Phase), r.Attempts, r.Message, r.FirstError,
		r.Fingerprint, failed, r.HandlerError, r.Deliveries, microsOf(r.EnqueuedAt), r.FailedAt.UnixMicro(), l.metadata, l.history,
		l.payload)
	return err
}

const letterColumns = `letter, dead_letters.queue, id, task, category, phase, attempts, message, first_error, fingerprint,
	handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, payload`

// readLetter reads letterColumns.
func readLetter(r row) (l letter, err error) {
	l = letter{
		number: r.int(0), queue: r.int(1), metadata: r[15], history: r[16], payload: r.bytes(17),
		record: deadletter.Record{
			ID: r.text(2), Task: r.text(3), Phase: policy.Phase(r.text(5)), Attempts: int(r.int(6)),
			Message: r.text(7), FirstError: r.text(8), Fingerprint: r.text(9),
			HandlerFailed: r.int(10) != 0, HandlerError: r.text(11), Deliveries: int(r.int(12)),
			EnqueuedAt: timeOf(r.int(13)), FailedAt: timeOf(r.int(14)), Payload: readable(r.bytes(17)),
		},
	}
	if l.record.Metadata, err = decodeMetadata(r.text(15)); err != nil {
		return l, fmt.Errorf("the metadata of dead letter %d is damaged: %w", l.number, err)
	}
	if err := l.record.Category.UnmarshalText([]byte(r.text(4))); err != nil {
		return l, fmt.Errorf("dead letter %d: %w", l.number, err)
	}
	return l, nil
}

// readable has JSON and text embedded as what they are; encoding/json would make base64 of bytes.
func readable(payload []byte) any {
	switch {
	case utf8.Valid(payload) && json.Valid(payload):
		return json.RawMessage(payload)
	case utf8.Valid(payload):
		return string(payload)
	default:
		return payload
	}
}
