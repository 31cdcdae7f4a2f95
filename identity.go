package ergon

import (
	"encoding/hex"
	"strconv"
)

// Metadata keys of the identity of a transaction. Programs that do not know them carry them along.
const (
	generationKey = "ergon.generation"
	arrivalKey    = "ergon.arrival"
	// contentKey is what an edit is told by, see capability.Edited.
	contentKey = "ergon.content"
)

// derived stands in place of a delivery in a transaction whose id was derived from that of another, see WithDerivedID: nobody
// has delivered it yet.
var derived = &Delivery{} //nolint:gochecknoglobals // known by its address, never changed

// WithDerivedID returns a copy with an id that the engine derived from the id of an inbound transaction [B3]. If a sink knows the
// id with other content, it stores the transaction under its alternate id and does not drop it [I2]. Only this value has the
// mark. It is not sent with a dispatch.
func (t Transaction) WithDerivedID(id string) Transaction {
	t.id, t.delivery = id, derived
	return t
}

// HasDerivedID reports whether the id was given by WithDerivedID.
func (t Transaction) HasDerivedID() bool { return t.delivery == derived }

// AlternateID returns the id under which a sink stores a transaction if it knows the derived id with other content. It is "" for
// a transaction whose id is not derived. It consists of the id, "~" and the digest of the content in hexadecimal digits. If it
// has more than 128 bytes, it is cut as other derived ids are.
func (t Transaction) AlternateID(content [16]byte) string {
	if !t.HasDerivedID() {
		return ""
	}
	return bounded(hex.AppendEncode(append([]byte(t.id), '~'), content[:]))
}

// Generation is 0 for a transaction as it was sent. It grows each time the transaction is repeated on purpose: by a replay after
// settlement, and by an edit of its content. The outputs of each generation have their own ids [I3].
func (t Transaction) Generation() int {
	text, again := t.metadata[generationKey]
	if !again {
		return 0
	}
	n, _ := strconv.Atoi(text)
	return max(n, 0)
}

// WithGeneration returns a copy of generation n. If n is below 1, the copy is the transaction as it was sent, without the record
// of edits.
func (t Transaction) WithGeneration(n int) Transaction {
	if n < 1 {
		return t.WithoutMetadata(generationKey).WithoutMetadata(contentKey)
	}
	return t.WithMetadata(generationKey, strconv.Itoa(n))
}

// Arrival is "" for a transaction that arrives in its queue for the first time. It has another value each time the transaction is
// put there again, by the retry of a dead letter or by a replay. A store deduplicates by id and arrival. The ids of outputs do
// not depend on the arrival [I3].
func (t Transaction) Arrival() string { return t.metadata[arrivalKey] }

// WithArrival returns a copy with the arrival; "" means the first one. An arrival consists of a growing count and of a digest of
// the place that the transaction came from. So a step that is repeated after a crash makes the same arrival.
func (t Transaction) WithArrival(arrival string) Transaction {
	if arrival == "" {
		return t.WithoutMetadata(arrivalKey)
	}
	return t.WithMetadata(arrivalKey, arrival)
}
