package deadletters

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// Envelope is a line with more than a payload. What dlq export writes is one.
type Envelope struct {
	deadletter.Letter

	// Content is the digest of what a dead letter said when it was exported.
	Content string          `json:"content,omitempty"`
	Payload json.RawMessage `json:"payload"`
}

// ToTransaction is that of a line. One that was a dead letter arrives once more, and as another generation where somebody has
// changed what it says since it was exported.
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

// EnvelopeOf is the line for a letter, by which its transaction can be enqueued again: with its origin, and with a digest that
// tells whether it was edited in between.
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
