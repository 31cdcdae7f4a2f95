package deadletter

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
)

// Encoding is how a [Record] encodes the payload of its transaction.
type Encoding string

// The encodings. All except the last one allow to restore the bytes of the payload; see [Record.Content].
const (
	// EncodingJSON is JSON: the payload itself, or its encoding by encoding/json.
	EncodingJSON Encoding = ""
	// EncodingText is a string that is the payload.
	EncodingText Encoding = "text"
	// EncodingBase64 is bytes that are not text; JSON has them in base64.
	EncodingBase64 Encoding = "base64"
	// EncodingDescribed is a description of a payload that cannot be encoded as JSON (NaN, functions, channels, values that
	// contain themselves), whose methods fail, or of which only a part is known. People can read it, but it cannot be requeued.
	EncodingDescribed Encoding = "described"
)

// ErrDescribed means that a letter has a description of its payload and not the payload.
var ErrDescribed = errors.New("the letter describes its payload, which could not be encoded; give the transaction another payload")

// Unread is the payload of a record that its source could not read. It is an error, and decoding it fails with that error.
type Unread interface {
	error
	// RawRecord returns the bytes of the record, and whether they are complete.
	RawRecord() (content []byte, complete bool)
}

// Encoded returns the record in a form that every store can keep. Its payload is encoded, and its texts are UTF-8. An id that is
// not UTF-8 is also in BinaryID. It calls methods of the payload (MarshalJSON), which may panic or hang. An encoded payload stays
// as it is.
func (r Record) Encoded() Record {
	r.Payload, r.PayloadEncoding = r.encodedPayload()
	return r.WithTexts()
}

// WithTexts is Encoded without the payload.
func (r Record) WithTexts() Record {
	if !utf8.ValidString(r.ID) {
		r.BinaryID = []byte(r.ID)
	}
	for _, text := range []*string{&r.Task, &r.Message, &r.FirstError, &r.Fingerprint, &r.HandlerError} {
		*text = escaped(*text)
	}
	r.Metadata, r.BinaryMetadata = splitMetadata(r.Metadata, r.BinaryMetadata)
	return r
}

func splitMetadata(metadata map[string]string, binary []BinaryPair) (map[string]string, []BinaryPair) {
	texts := metadata
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value := metadata[key]
		if utf8.ValidString(key) && utf8.ValidString(value) {
			continue
		}
		if len(texts) == len(metadata) {
			texts, binary = maps.Clone(metadata), slices.Clone(binary)
		}
		delete(texts, key)
		binary = append(binary, BinaryPair{[]byte(key), []byte(value)})
	}
	return texts, binary
}

// escaped writes bytes that are no UTF-8 as \xff.
func escaped(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// encodedPayload leaves what has an encoding as it is.
func (r *Record) encodedPayload() (any, Encoding) {
	if r.PayloadEncoding != EncodingJSON {
		return r.Payload, r.PayloadEncoding
	}
	return EncodePayload(r.Payload)
}

// EncodePayload returns the encoded form of a payload for a [Record], and the name of the encoding. It calls methods of the
// payload, which may panic or hang.
func EncodePayload(payload any) (any, Encoding) {
	switch p := payload.(type) {
	case []byte:
		return encodeBytes(p)
	case json.RawMessage:
		return encodeBytes(p)
	case string:
		return encodeBytes([]byte(p))
	case Unread:
		if content, complete := p.RawRecord(); complete {
			return encodeBytes(content)
		}
		return DescribePayload(payload)
	}
	_, marshals := payload.(json.Marshaler)
	if _, is := payload.(error); is && !marshals {
		return DescribePayload(payload)
	}
	data, err := json.Marshal(payload)
	// Bytes that are no UTF-8 are replaced by this escape without a word; the character itself is written as it is.
	if err != nil || !marshals && bytes.Contains(data, []byte(`\ufffd`)) {
		return DescribePayload(payload)
	}
	return json.RawMessage(data), EncodingJSON
}

func encodeBytes(data []byte) (any, Encoding) {
	switch {
	case !utf8.Valid(data):
		return data, EncodingBase64
	case json.Valid(data):
		return json.RawMessage(data), EncodingJSON
	default:
		return string(data), EncodingText
	}
}

// SetPayload sets the payload from JSON. The encoding of the record says how to decode it. SetPayload is for code that reads
// records from JSON: encoding/json alone cannot distinguish a JSON string from a text.
func (r *Record) SetPayload(data json.RawMessage) error {
	if r.PayloadEncoding == EncodingJSON {
		r.Payload = data
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("payload_encoding is %q, so payload must be a string: %w", r.PayloadEncoding, err)
	}
	r.Payload = text
	return nil
}

// Content returns the payload of the transaction as bytes, or [ErrDescribed] if the record does not have it.
func (r *Record) Content() ([]byte, error) {
	switch p := r.Payload.(type) {
	case []byte:
		return p, r.given()
	case json.RawMessage:
		return p, r.given()
	case string:
		if r.PayloadEncoding == EncodingBase64 { // as it is read from JSON
			return base64.StdEncoding.DecodeString(p)
		}
		return []byte(p), r.given()
	}
	if err := r.given(); err != nil {
		return nil, err
	}
	return json.Marshal(r.Payload)
}

func (r *Record) given() error {
	if r.PayloadEncoding == EncodingDescribed {
		return ErrDescribed
	}
	return nil
}

// Transaction returns the failed transaction with its payload as bytes. It has no delivery. It returns the error of Content.
func (r *Record) Transaction() (ergon.Transaction, error) {
	content, err := r.Content()
	if err != nil {
		return ergon.Transaction{}, err
	}
	id := r.ID
	if len(r.BinaryID) > 0 {
		id = string(r.BinaryID)
	}
	return ergon.NewTransaction(id, content).WithAllMetadata(r.AllMetadata()), nil
}

// AllMetadata returns the metadata of the transaction, BinaryMetadata included.
func (r *Record) AllMetadata() map[string]string {
	if len(r.BinaryMetadata) == 0 {
		return r.Metadata
	}
	all := maps.Clone(r.Metadata)
	if all == nil {
		all = map[string]string{}
	}
	for _, pair := range r.BinaryMetadata {
		all[string(pair.Key)] = string(pair.Value)
	}
	return all
}
