package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
)

// Metadata that controls the delivery of a transaction. Like all metadata it is delivered with the transaction. The ordering
// key is the third kind, see [ergon.Transaction.WithOrderingKey]: of the transactions of one queue that share it, one is
// delivered at a time over all processes, in the order of dispatch, whatever their priorities. A delayed or requeued one delays
// those behind it.
const (
	// MetadataPriority is a whole number. Transactions with a higher priority are delivered first. Default 0.
	MetadataPriority = "priority"
	// MetadataDeliverAt is the earliest time of delivery, in the format of RFC 3339.
	MetadataDeliverAt = "deliver_at"
	orderingKey       = "ordering_key"
)

// item is a transaction as it is stored.
type item struct {
	id        string
	arrival   string
	digest    digest
	priority  int64
	key       any // string, or nil for none
	deliverAt int64
	metadata  any // JSON, or nil for none
	history   any // JSON, or nil for none
	payload   []byte

	of *ergon.Transaction // whose batch is the caller's
	at int                // in that batch
}

// encode returns why a transaction cannot be stored, which no other attempt will change.
func encode(t ergon.Transaction, most int) (item, error) {
	it, err := encodeItem(t, most)
	if err != nil {
		return item{}, ergon.Permanent(fmt.Errorf("transaction %s: %w", t.ID(), err))
	}
	return it, nil
}

func encodeItem(t ergon.Transaction, most int) (it item, err error) {
	it.id = t.ID()
	if it.payload, err = encodePayload(t.Payload()); err != nil {
		return it, err
	}
	if len(it.payload) > most {
		return it, fmt.Errorf("its payload has %d bytes, more than max_payload_bytes %d; raise that, or dispatch a reference to it",
			len(it.payload), most)
	}
	metadata := metadataOf(t)
	if it.metadata, err = encodeMetadata(metadata); err != nil {
		return it, err
	}
	it.arrival, it.digest = t.Arrival(), digestOf(it.payload, metadata)
	if key := t.OrderingKey(); key != "" {
		it.key = key
	}
	err = it.plan(metadata)
	return it, err
}

// metadataOf returns nil, and allocates nothing, where there is none.
func metadataOf(t ergon.Transaction) (metadata map[string]string) {
	for k, v := range t.AllMetadata() {
		if metadata == nil {
			metadata = map[string]string{}
		}
		metadata[k] = v
	}
	return metadata
}

// plan reads what metadata says about delivery.
func (it *item) plan(metadata map[string]string) error {
	if text, ok := metadata[MetadataPriority]; ok {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("its metadata has %s %q, must be a whole number such as 10", MetadataPriority, text)
		}
		it.priority = n
	}
	if text, ok := metadata[MetadataDeliverAt]; ok {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("its metadata has %s %q, must be a time such as 2026-02-28T12:00:00Z", MetadataDeliverAt, text)
		}
		it.deliverAt = at.UnixMicro()
	}
	return nil
}

// encodePayload keeps bytes and text as they are; all else becomes JSON. The result is never nil.
func encodePayload(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return orEmpty(p), nil
	case json.RawMessage:
		return orEmpty(p), nil
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

// orEmpty keeps a payload of no bytes apart from NULL.
func orEmpty(payload []byte) []byte {
	if payload == nil {
		return []byte{}
	}
	return payload
}

func encodeMetadata(metadata map[string]string) (any, error) {
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

func decodeMetadata(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none
	}
	var metadata map[string]string
	err := json.Unmarshal([]byte(text), &metadata)
	return metadata, err
}
