package app

import (
	"encoding/json"
	"fmt"
)

// payloadText shows a payload to people: JSON as it is, and other text.
func payloadText(payload any) string {
	switch p := payload.(type) {
	case []byte:
		return string(p)
	case json.RawMessage:
		return string(p)
	case string:
		return p
	}
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Sprintf("a %T, which cannot be shown", payload)
	}
	return string(text)
}
