//go:build !race

package capability_test

import (
	"testing"

	"github.com/ergon-go/ergon/capability"
)

// The content of whatever enters a queue is hashed, so that costs nothing but the hash.
func TestContentDigestAllocatesNothing(t *testing.T) {
	payload, metadata := []byte(`{"a":1}`), map[string]string{"a": "1", "b": "2", "traceparent": "x"}
	want := capability.ContentDigestOf(payload, metadata)
	same := true
	if n := testing.AllocsPerRun(200, func() { same = same && capability.ContentDigestOf(payload, metadata) == want }); n > 0 || !same {
		t.Errorf("it allocates %v times, and is the same each time: %v", n, same)
	}
}
