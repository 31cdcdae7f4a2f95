package queueitem

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// Letter is what a store keeps of a dead letter.
type Letter struct {
	Record   deadletter.Record
	Arrival  string
	Metadata any // JSON in a string, or nil for none
	Binary   any // what is not UTF-8 in the metadata: JSON in a string, or nil for none
	History  any // JSON in a string, or nil for none
	Payload  []byte
}

// EncodeLetter returns the letter of a transaction whose payload is a [deadletter.Record]. It accepts every payload that the
// record can have: the letter is the last place that holds it.
func EncodeLetter(payload any) (Letter, error) {
	var l Letter
	switch r := payload.(type) {
	case deadletter.Record:
		l.Record = r
	case *deadletter.Record:
		if r == nil {
			return l, errors.New("its payload is a nil *deadletter.Record")
		}
		l.Record = *r
	default:
		return l, fmt.Errorf("its payload is %T, must be a deadletter.Record; dispatch other transactions to a queue", payload)
	}
	l.Record = l.Record.Encoded()
	err := l.encode()
	l.Arrival = TransactionOf(l.Record.ID, nil, l.Record.Metadata).Arrival()
	return l, err
}

func (l *Letter) encode() (err error) {
	if l.Metadata, err = EncodeMetadata(l.Record.Metadata); err != nil {
		return err
	}
	if len(l.Record.BinaryMetadata) > 0 {
		binary, err := json.Marshal(l.Record.BinaryMetadata)
		if err != nil {
			return err
		}
		l.Binary = string(binary)
	}
	if text, is := l.Record.Payload.(string); is && l.Record.PayloadEncoding == deadletter.EncodingDescribed {
		l.Payload = []byte(text)
		return nil
	}
	content, err := l.Record.Content()
	l.Payload = OrEmpty(content)
	return err
}

// Decode completes a record that was read from a store with the payload, the encoding, the metadata and the category as they are
// stored. key is the name of the letter, for errors.
func (l *Letter) Decode(key, encoding, metadata, binary, category string) (err error) {
	l.Record.Payload, l.Record.PayloadEncoding = deadletter.EncodePayload(l.Payload)
	if stored := deadletter.Encoding(encoding); stored != deadletter.EncodingJSON {
		l.Record.Payload, l.Record.PayloadEncoding = string(l.Payload), stored
	}
	l.Record = l.Record.WithTexts() // for its id
	if binary != "" {
		if err := json.Unmarshal([]byte(binary), &l.Record.BinaryMetadata); err != nil {
			return fmt.Errorf("the metadata of dead letter %s is damaged: %w", key, err)
		}
	}
	if l.Record.Metadata, err = DecodeMetadata(metadata); err != nil {
		return fmt.Errorf("the metadata of dead letter %s is damaged: %w", key, err)
	}
	if err := l.Record.Category.UnmarshalText([]byte(category)); err != nil {
		return fmt.Errorf("dead letter %s: %w", key, err)
	}
	return nil
}

// Encoding is the encoding as it is stored: "" if the payload itself is stored, whatever it is.
func (l *Letter) Encoding() string {
	if l.Record.PayloadEncoding == deadletter.EncodingDescribed {
		return string(deadletter.EncodingDescribed)
	}
	return ""
}

// Digest is the digest of the transaction of the letter.
func (l *Letter) Digest() []byte {
	text, _ := l.Metadata.(string)
	metadata, _ := DecodeMetadata(text) // it was encoded here
	of := deadletter.Record{Metadata: metadata, BinaryMetadata: l.Record.BinaryMetadata}
	d := DigestOf(l.Payload, of.AllMetadata())
	return d.Bytes()
}

// Failures is the earlier reasons for which the transaction was a dead letter.
func (l *Letter) Failures(key string) (history []deadletter.Failure, err error) {
	text, _ := l.History.(string)
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		return nil, fmt.Errorf("the history of dead letter %s is damaged: %w", key, err)
	}
	return history, nil
}

// Revived returns the item of a letter that arrives once more, with another payload if that is not nil. origin names the letter
// among those of all stores; key is its name in its store.
func (l *Letter) Revived(origin, key string, now time.Time, payload []byte, most int) (Item, error) {
	metadata := l.Record.AllMetadata()
	tx := TransactionOf(l.Record.ID, OrEmpty(l.Payload), metadata)
	if payload != nil {
		tx = capability.Edited(tx, payload, capability.ContentDigestOf(l.Payload, metadata))
	}
	tx = tx.WithArrival(capability.NextArrival(tx, origin))
	it, err := Encode(tx, most)
	if err != nil {
		return Item{}, err
	}
	it.DeliverAt = 0 // it was kept once
	history, err := l.Failures(key)
	if err != nil {
		return Item{}, err
	}
	r := &l.Record
	encoded, err := json.Marshal(append(history, deadletter.Failure{
		Category: r.Category, Phase: r.Phase, Message: r.Message, FailedAt: r.FailedAt, RetriedAt: now,
	}))
	it.History = string(encoded)
	return it, err
}

// Reasons for which a queue itself makes a dead letter.
const (
	// ReasonRejected is the reason for a transaction that its task rejected.
	ReasonRejected = "rejected by its task"
	// ReasonLost is the reason for a transaction whose deliveries were lost; %d is their number.
	ReasonLost = "delivered %d times without being settled: each time its process died, or its lease ran out"
)

// BuriedRecord is the record of a letter that a queue makes by itself. The queue does not know the task.
func BuriedRecord(queue, reason string, now time.Time) deadletter.Record {
	return deadletter.Record{
		Category: ergon.CategorySystem, Phase: policy.PhaseProcess, Message: reason, Fingerprint: Fingerprint(queue, reason), FailedAt: now,
	}
}

var digits = regexp.MustCompile(`\d+`)

// Fingerprint is the same for reasons of one queue that differ only in their numbers.
func Fingerprint(queue, reason string) string {
	sum := sha256.Sum256([]byte(queue + "\x00" + digits.ReplaceAllString(reason, "#")))
	return hex.EncodeToString(sum[:8])
}

func damaged(id string, err error) error {
	return fmt.Errorf("the metadata of transaction %s is damaged: %w", id, err)
}
