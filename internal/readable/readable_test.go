package readable_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/internal/readable"
)

func TestPayloadsAreReadable(t *testing.T) {
	broken := []byte("\xff\x00")
	hang := make(chan int)
	for name, c := range map[string]struct {
		payload, want any
		text          string
	}{
		"JSON bytes":    {[]byte(`{"a": 1}`), json.RawMessage(`{"a": 1}`), `{"a": 1}`},
		"text bytes":    {[]byte("zebra"), "zebra", "zebra"},
		"no bytes":      {[]byte{}, "", ""},
		"binary bytes":  {broken, broken, "ff00"},
		"quoted binary": {[]byte("\"\xff\""), []byte("\"\xff\""), "22ff22"},
		"raw JSON":      {json.RawMessage(`[1]`), json.RawMessage(`[1]`), "[1]"},
		"text":          {"zebra", "zebra", "zebra"},
		"a value":       {map[string]int{"a": 1}, map[string]int{"a": 1}, `{"a":1}`},
		"nothing":       {nil, nil, "null"},
	} {
		if diff := cmp.Diff(c.want, readable.Payload(c.payload)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := readable.Text(c.payload); got != c.text {
			t.Errorf("%s: got %q, want %q", name, got, c.text)
		}
	}
	if got := readable.Text(hang); got != "a value of type chan int" {
		t.Errorf("a channel: got %q", got)
	}
}
