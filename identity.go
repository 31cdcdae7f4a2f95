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

// WithDerivedID returns a copy with an id that the engine derived from that of an inbound transaction [B3]. A sink that
// knows the id with other content stores it under its alternate id instead of dropping it [I2]. The mark stays with this
// value only; it does not travel.
func (t Transaction) WithDerivedID(id string) Transaction {
	t.id, t.delivery = id, derived
	return t
}

// HasDerivedID reports whether the id was given by WithDerivedID.
func (t Transaction) HasDerivedID() bool { return t.delivery == derived }

// AlternateID returns the id under which a sink stores a transaction whose derived id it knows with other content; "" for a
// transaction whose id is not derived. It is the id, "~" and the digest of the content, in hexadecimal digits; one of more than
// 128 bytes is cut as other derived ids are.
func (t Transaction) AlternateID(content [16]byte) string {
	if !t.HasDerivedID() {
		return ""
	}
	return bounded(hex.AppendEncode(append([]byte(t.id), '~'), content[:]))
}

// Generation is 0 for a transaction as it was sent, and grows each time that it is done anew on purpose: by a replay of what
// was settled, and by an edit of its content. What derives from a generation has ids of its own [I3].
func (t Transaction) Generation() int {
	text, again := t.metadata[generationKey]
	if !again {
		return 0
	}
	n, _ := strconv.Atoi(text)
	return max(n, 0)
}

// WithGeneration returns a copy of generation n; below 1 that of what was sent, of which no edit is remembered.
func (t Transaction) WithGeneration(n int) Transaction {
	if n < 1 {
		return t.WithoutMetadata(generationKey).WithoutMetadata(contentKey)
	}
	return t.WithMetadata(generationKey, strconv.Itoa(n))
}

// Arrival is "" for a transaction that arrives in its queue for the first time, and something else each time that it is put
// there again: by the retry of a dead letter, or a replay. A store deduplicates by id and arrival; what derives from a
// transaction does not depend on it [I3].
func (t Transaction) Arrival() string { return t.metadata[arrivalKey] }

// WithArrival returns a copy with the arrival; "" for the first one. It is made of a count that grows and of where the
// transaction came from, so that one step that is repeated after a crash is the same arrival.
func (t Transaction) WithArrival(arrival string) Transaction {
	if arrival == "" {
		return t.WithoutMetadata(arrivalKey)
	}
	return t.WithMetadata(arrivalKey, arrival)
}
