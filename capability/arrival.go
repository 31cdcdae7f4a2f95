package capability

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon"
)

// NextArrival returns the arrival after that of tx, for a transaction that is put into a queue again [I3]. From says where it
// comes from: a store of dead letters and the key of a letter, or a queue and the number of an item. The same step, repeated
// after a crash, is the same arrival; one from elsewhere never is.
func NextArrival(tx ergon.Transaction, from ...string) string {
	before, _, _ := strings.Cut(tx.Arrival(), "-")
	count, _ := strconv.Atoi(before)
	text := binary.AppendUvarint(nil, uint64(len(tx.Arrival())))
	text = append(text, tx.Arrival()...)
	for _, part := range from {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return strconv.Itoa(max(count, 0)+1) + "-" + hex.EncodeToString(sum[:8])
}

const firstContentKey = "ergon.content"

// Edited returns tx with another payload, as what is done on purpose once more: its generation grows, and it remembers first,
// the digest of what it said before, so that a store which is sent that once more knows it [I3]. Of several edits the first
// counts.
func Edited(tx ergon.Transaction, payload any, first ContentDigest) ergon.Transaction {
	if _, edited := tx.Metadata(firstContentKey); !edited {
		tx = tx.WithMetadata(firstContentKey, first.String())
	}
	return tx.WithPayload(payload).WithGeneration(tx.Generation() + 1)
}

// FirstContent returns the digest of what a transaction said before it was edited; false for one that was not.
func FirstContent(metadata map[string]string) (first ContentDigest, edited bool) {
	text, edited := metadata[firstContentKey]
	if !edited {
		return first, false
	}
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) != len(first) {
		return first, false
	}
	return ContentDigest(digest), true
}
