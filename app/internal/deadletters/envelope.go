package deadletters

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// Envelope is a line with a payload, metadata and identity, as dlq export writes it.
type Envelope struct {
	deadletter.Letter

	// Content is the digest of the dead letter at the export.
	Content string          `json:"content,omitempty"`
	Payload json.RawMessage `json:"payload"`
}

// ToTransaction is the transaction of a line. A dead letter is a new arrival, and a new generation if it was edited since the export.
func (in *Envelope) ToTransaction() (ergon.Transaction, error) {
	record := in.Record
	if err := record.SetPayload(in.Payload); err != nil {
		return ergon.Transaction{}, err
	}
	tx, err := record.Transaction()
	if err != nil {
		return tx, err
	}
	if in.Origin == "" {
		return tx, nil
	}
	first, err := hex.DecodeString(in.Content)
	if content := contentOf(tx); err == nil && len(first) == len(content) && content != capability.ContentDigest(first) {
		payload, _ := tx.Payload().([]byte)
		tx = capability.Edited(tx, payload, capability.ContentDigest(first))
	}
	return tx.WithArrival(capability.NextArrival(tx, in.Origin)), nil
}

// EnvelopeOf is the line for a dead letter. Its origin and the digest of its content identify it when it is enqueued again.
func EnvelopeOf(letter deadletter.Letter) (Envelope, error) {
	var payload bytes.Buffer
	encoder := json.NewEncoder(&payload)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(letter.Payload); err != nil {
		return Envelope{}, err
	}
	text := bytes.TrimSuffix(payload.Bytes(), []byte("\n"))
	content := text
	if letter.PayloadEncoding == deadletter.EncodingText || letter.PayloadEncoding == deadletter.EncodingBase64 {
		var err error
		if content, err = letter.Content(); err != nil {
			return Envelope{}, err
		}
	}
	letter.Origin = origin(letter)
	return Envelope{letter, capability.ContentDigestOf(content, letter.AllMetadata()).String(), text}, nil
}
