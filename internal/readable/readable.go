// Package readable shows payloads of transactions to people: JSON as JSON, text as text, other bytes in hexadecimal.
package readable

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Payload makes bytes that are JSON or text fit for encoding/json, which would write them in base64. Other bytes and values stay
// as they are.
func Payload(payload any) any {
	data, ok := payload.([]byte)
	switch {
	case !ok:
		return payload
	case utf8.Valid(data) && json.Valid(data):
		return json.RawMessage(data)
	case utf8.Valid(data):
		return string(data)
	default:
		return data
	}
}

// Text is a payload as text. A value that cannot be written as JSON is shown by its type. It calls the methods of the value, which
// may panic.
func Text(payload any) string {
	switch p := Payload(payload).(type) {
	case string:
		return p
	case json.RawMessage:
		return string(p)
	case []byte:
		return hex.EncodeToString(p)
	default:
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Sprintf("a value of type %T", p)
		}
		return string(text)
	}
}
