package queueitem

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
)

// Metadata that controls the delivery of a transaction.
const (
	// MetadataPriority is a whole number. Higher ones are delivered first.
	MetadataPriority = "priority"
	// MetadataDeliverAt is the earliest time of delivery, in the format of RFC 3339.
	MetadataDeliverAt = "deliver_at"
	// MetadataOrderingKey is the ordering key.
	MetadataOrderingKey = "ordering_key"
)

// Item is a transaction as a queue stores it.
type Item struct {
	ID        string
	Arrival   string
	Digest    Digest
	Priority  int64
	Key       any   // a string, or nil for none
	DeliverAt int64 // microseconds since 1970; 0: at once
	Metadata  any   // JSON in a string, or nil for none
	History   any   // JSON in a string, or nil for none
	Payload   []byte
}

// Encode returns an error if a transaction can never be stored: its payload has more than most bytes or cannot be encoded, or its
// metadata is invalid. The error does not name the transaction.
func Encode(t ergon.Transaction, most int) (it Item, err error) {
	it.ID = t.ID()
	if it.Payload, err = EncodePayload(t.Payload()); err != nil {
		return it, err
	}
	if len(it.Payload) > most {
		return it, fmt.Errorf("its payload has %d bytes, more than max_payload_bytes %d; raise that, or dispatch a reference to it",
			len(it.Payload), most)
	}
	metadata := MetadataOf(t)
	if it.Metadata, err = EncodeMetadata(metadata); err != nil {
		return it, err
	}
	it.Arrival, it.Digest = t.Arrival(), DigestOf(it.Payload, metadata)
	if key := t.OrderingKey(); key != "" {
		it.Key = key
	}
	err = it.Plan(metadata)
	return it, err
}

// MetadataOf returns the metadata of a transaction. If there is none, it returns nil and allocates nothing.
func MetadataOf(t ergon.Transaction) (metadata map[string]string) {
	for k, v := range t.AllMetadata() {
		if metadata == nil {
			metadata = map[string]string{}
		}
		metadata[k] = v
	}
	return metadata
}

// Plan reads the priority and the earliest time of delivery from the metadata.
func (it *Item) Plan(metadata map[string]string) error {
	if text, ok := metadata[MetadataPriority]; ok {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("its metadata has %s %q, must be a whole number such as 10", MetadataPriority, text)
		}
		it.Priority = n
	}
	if text, ok := metadata[MetadataDeliverAt]; ok {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("its metadata has %s %q, must be a time such as 2026-02-28T12:00:00Z", MetadataDeliverAt, text)
		}
		it.DeliverAt = at.UnixMicro()
	}
	return nil
}

// EncodePayload keeps bytes and text as they are; other payloads become JSON. The result is never nil.
func EncodePayload(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return OrEmpty(p), nil
	case json.RawMessage:
		return OrEmpty(p), nil
	case string:
		return []byte(p), nil
	case error:
		return nil, errors.New("its payload is an error, which is how a source tells of a record that it could not read; " +
			"dispatch it to the dead letters instead")
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("its payload, a %T, does not encode as JSON: %w", payload, err)
	}
	return data, nil
}

// OrEmpty distinguishes a payload without bytes from NULL.
func OrEmpty(payload []byte) []byte {
	if payload == nil {
		return []byte{}
	}
	return payload
}

// EncodeMetadata returns JSON in a string, or nil for none. Metadata that is not UTF-8 is an error.
func EncodeMetadata(metadata map[string]string) (any, error) {
	if len(metadata) == 0 {
		return nil, nil //nolint:nilnil // NULL
	}
	for k, v := range metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return nil, fmt.Errorf("its metadata has %q, which is not UTF-8; encode it, such as in base64", k)
		}
	}
	data, err := json.Marshal(metadata)
	return string(data), err
}

// DecodeMetadata reads what EncodeMetadata wrote; "" is none.
func DecodeMetadata(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none
	}
	var metadata map[string]string
	err := json.Unmarshal([]byte(text), &metadata)
	return metadata, err
}

// TransactionOf returns a transaction with these parts.
func TransactionOf(id string, payload any, metadata map[string]string) ergon.Transaction {
	return ergon.NewTransaction(id, payload).WithAllMetadata(metadata)
}
