package output

import (
	"encoding/json"
	"fmt"
)

// PayloadText shows a payload to people: JSON as it is, and other text.
func PayloadText(payload any) string {
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
		return fmt.Sprintf("a value of type %T", payload)
	}
	return string(text)
}
