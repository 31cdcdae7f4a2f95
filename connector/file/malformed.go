package file

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/ergon-go/ergon/connector/file/internal/records"
	"github.com/ergon-go/ergon/deadletter"
)

// Malformed is the payload of a malformed record. It is an error, so decoding it fails with the place and the problem. The record
// is then handled like any other transaction that cannot be decoded, and the run continues.
type Malformed struct { //nolint:errname // it is a payload first of all, and an error so that decoding it fails
	// Place is where the record starts: path:line.
	Place string
	// Problem says what is wrong and what would be right. It has names of columns in it, but no content of the record.
	Problem string
	// Raw is the record's first KiB.
	Raw []byte

	whole []byte // the record, where that is longer and was read whole
	cut   bool   // the rest of the record is not known
}

var _ deadletter.Unread = Malformed{}

func newMalformed(place, problem string, r *records.Record) Malformed {
	m := Malformed{Place: place, Problem: problem, Raw: records.Excerpt(r.Content), cut: r.Truncated}
	if !r.Truncated && len(r.Content) > len(m.Raw) {
		m.whole = bytes.Clone(r.Content)
		m.Raw = m.whole[:len(m.Raw):len(m.Raw)]
	}
	return m
}

// RawRecord returns the record for its dead letter, and whether it is complete. If a record is longer than max_record_bytes, only
// its beginning is known.
func (m Malformed) RawRecord() (content []byte, complete bool) {
	if m.whole != nil {
		return m.whole, true
	}
	return m.Raw, !m.cut
}

func (m Malformed) Error() string { return m.Place + ": " + m.Problem }

// MarshalJSON encodes m as place, problem and raw: a string where Raw is text, otherwise {"base64": …}.
func (m Malformed) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Place   string `json:"place"`
		Problem string `json:"problem"`
		Raw     any    `json:"raw"`
	}{m.Place, m.Problem, readable(m.Raw)})
}

// base64Bytes is the form in JSON of bytes that are not text.
type base64Bytes struct {
	Base64 []byte `json:"base64"`
}

// readable returns text as a string and other bytes as base64Bytes.
func readable(data []byte) any {
	if utf8.Valid(data) {
		return string(data)
	}
	return base64Bytes{Base64: data}
}
