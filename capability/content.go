package capability

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"sync"
)

// ContentDigest is the first 128 bits of a SHA-256. The zero value is that of no content.
type ContentDigest [16]byte

// String returns the digest in 32 hexadecimal digits.
func (d ContentDigest) String() string { return hex.EncodeToString(d[:]) }

// ContentDigestOf returns the digest of what a store keeps of a transaction: its payload as it is stored, and its metadata
// without what changes from hop to hop (see [IsContent]). Two transactions of one id with the same digest are the same work,
// sent again [I2]. Every key and value is preceded by its length, so no two contents are encoded alike.
func ContentDigestOf(payload []byte, metadata map[string]string) ContentDigest {
	h := hashers.Get().(*hasher) //nolint:forcetypeassert // it holds nothing else
	defer hashers.Put(h)
	h.Reset()
	h.write(payload)
	if len(metadata) > 0 {
		h.writeMetadata(metadata)
	}
	return ContentDigest(h.Sum(h.sum[:0])[:16])
}

// hashers are used again, so that a digest allocates nothing.
var hashers = sync.Pool{New: func() any { return &hasher{Hash: sha256.New()} }} //nolint:gochecknoglobals // a pool

type hasher struct {
	hash.Hash

	length [8]byte
	sum    [sha256.Size]byte
	keys   []string
	text   []byte
}

// write hashes a part and its length. A hash never fails.
func (h *hasher) write(part []byte) {
	binary.BigEndian.PutUint64(h.length[:], uint64(len(part)))
	_, _ = h.Write(h.length[:])
	_, _ = h.Write(part)
}

func (h *hasher) writeMetadata(metadata map[string]string) {
	for key := range metadata {
		if IsContent(key) {
			h.keys = append(h.keys, key)
		}
	}
	slices.Sort(h.keys)
	for _, key := range h.keys {
		h.text = append(h.text[:0], key...)
		h.write(h.text)
		h.text = append(h.text[:0], metadata[key]...)
		h.write(h.text)
	}
	clear(h.keys)
	h.keys = h.keys[:0]
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
