package capability

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// ContentDigest is the first 128 bits of a SHA-256. The zero value is that of no content.
type ContentDigest [16]byte

// String returns the digest in 32 hexadecimal digits.
func (d ContentDigest) String() string { return hex.EncodeToString(d[:]) }

// ContentDigestOf returns the digest of what a store keeps of a transaction: its payload as it is stored, and its metadata
// without what changes from hop to hop (see [IsContent]). Two transactions of one id with the same digest are the same work,
// sent again [I2]. Every key and value is preceded by its length, so no two contents are encoded alike.
func ContentDigestOf(payload []byte, metadata map[string]string) ContentDigest {
	h := sha256.New()
	var length [8]byte
	part := func(text []byte) {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = h.Write(length[:]) // a hash never fails
		_, _ = h.Write(text)
	}
	part(payload)
	if len(metadata) > 0 {
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if IsContent(key) {
				part([]byte(key))
				part([]byte(metadata[key]))
			}
		}
	}
	return ContentDigest(h.Sum(nil)[:16])
}

// IsContent reports whether the metadata under key is part of what a transaction says. The trace context, the time and
// priority of delivery, and what the engine itself writes ("ergon.…") are not.
func IsContent(key string) bool {
	switch key {
	case "traceparent", "tracestate", "baggage", "deliver_at", "priority":
		return false
	default:
		return !strings.HasPrefix(key, "ergon.")
	}
}
