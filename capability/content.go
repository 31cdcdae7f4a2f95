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

// ContentDigest is the first 128 bits of a SHA-256. The zero value means that there is no content.
type ContentDigest [16]byte

// String returns the digest in 32 hexadecimal digits.
func (d ContentDigest) String() string { return hex.EncodeToString(d[:]) }

// ContentDigestOf returns the digest of the content of a transaction: its payload as it is stored, and its metadata without the
// keys that belong to one delivery (see [IsContent]). Two transactions with the same id and digest are the same work, dispatched
// twice [I2]. Every key and value is preceded by its length, so different contents are never encoded alike.
func ContentDigestOf(payload []byte, metadata map[string]string) ContentDigest {
	e := encoders.Get().(*encoder) //nolint:forcetypeassert // it holds nothing else
	defer encoders.Put(e)
	e.text, e.large = e.text[:0], nil
	e.begin(len(payload))
	e.add(payload)
	if len(metadata) > 0 {
		e.addMetadata(metadata)
	}
	return e.sum()
}

// encoders are used again, so that a digest allocates nothing.
var encoders = sync.Pool{New: func() any { return &encoder{} }} //nolint:gochecknoglobals // a pool

// maxCopied is up to which size a part is copied to be hashed with the others at once, which takes less than half of the time.
const maxCopied = 4096

type encoder struct {
	text  []byte    // to be hashed
	large hash.Hash // of what was before text; nil where nothing was
	keys  []string
}

// begin precedes a part with its length.
func (e *encoder) begin(length int) { e.text = binary.BigEndian.AppendUint64(e.text, uint64(length)) }

func (e *encoder) add(part []byte) {
	if len(part) <= maxCopied {
		e.text = append(e.text, part...)
		return
	}
	if e.large == nil {
		e.large = sha256.New()
	}
	_, _ = e.large.Write(e.text) // a hash never fails
	_, _ = e.large.Write(part)
	e.text = e.text[:0]
}

func (e *encoder) addMetadata(metadata map[string]string) {
	for key := range metadata {
		if IsContent(key) {
			e.keys = append(e.keys, key)
		}
	}
	slices.Sort(e.keys)
	for _, key := range e.keys {
		e.begin(len(key))
		e.text = append(e.text, key...)
		e.begin(len(metadata[key]))
		e.text = append(e.text, metadata[key]...)
	}
	clear(e.keys)
	e.keys = e.keys[:0]
}

func (e *encoder) sum() ContentDigest {
	if e.large == nil {
		sum := sha256.Sum256(e.text)
		return ContentDigest(sum[:16])
	}
	_, _ = e.large.Write(e.text)
	return ContentDigest(e.large.Sum(nil)[:16])
}

// IsContent reports whether the metadata under key is part of the content of a transaction. The trace context, the time and
// priority of delivery, and the metadata of the engine ("ergon.…") are not part of it.
func IsContent(key string) bool {
	switch key {
	case "traceparent", "tracestate", "baggage", "deliver_at", "priority":
		return false
	default:
		return !strings.HasPrefix(key, "ergon.")
	}
}
