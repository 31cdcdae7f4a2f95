package queueitem

import (
	"bytes"

	"github.com/ergon-go/ergon/capability"
)

// Digest is the digest of a content. For an edited one it has the digest of the first content as well.
type Digest struct {
	text [2 * digestSize]byte
	size int
}

const digestSize = len(capability.ContentDigest{})

// DigestOf returns the digest of a payload as it is stored, and its metadata.
func DigestOf(payload []byte, metadata map[string]string) (d Digest) {
	content := capability.ContentDigestOf(payload, metadata)
	d.size = copy(d.text[:], content[:])
	if first, edited := capability.FirstContent(metadata); edited {
		d.size += copy(d.text[d.size:], first[:])
	}
	return d
}

// Bytes is the digest as it is stored, within d.
func (d *Digest) Bytes() []byte { return d.text[:d.size] }

// Content is the digest of the content itself.
func (d *Digest) Content() capability.ContentDigest {
	return capability.ContentDigest(d.text[:digestSize])
}

// IsIn reports whether stored is the digest of the content of d. For a first arrival the first content of an edited one counts as
// well.
func (d *Digest) IsIn(stored []byte, arrival string) bool {
	for ; len(stored) >= digestSize; stored = stored[digestSize:] {
		if bytes.Equal(stored[:digestSize], d.text[:digestSize]) {
			return true
		}
		if arrival != "" {
			break
		}
	}
	return false
}
