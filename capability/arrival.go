package capability

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon"
)

// NextArrival returns the next arrival of tx, for a transaction that is put into a queue again [I3]. The parts of from identify
// its origin: a store of dead letters and the key of a letter, or a queue and the number of an item. If the same step is repeated
// after a crash, the arrival is the same. Another origin always gives another arrival.
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

// Edited returns tx with another payload, to be processed again on purpose. Its generation grows. It keeps first, the digest of
// the original content. So a store recognises the original content if it is dispatched again [I3]. If tx was edited before, it
// keeps the digest that it has.
func Edited(tx ergon.Transaction, payload any, first ContentDigest) ergon.Transaction {
	if _, edited := tx.Metadata(firstContentKey); !edited {
		tx = tx.WithMetadata(firstContentKey, first.String())
	}
	return tx.WithPayload(payload).WithGeneration(tx.Generation() + 1)
}

// FirstContent returns the digest of the content before the first edit, from the metadata of a transaction. It returns false if
// the transaction was not edited.
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
