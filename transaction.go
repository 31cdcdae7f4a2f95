package ergon

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ergon-go/ergon/internal/deepcopy"
)

// Transaction is one indivisible unit of work: a message, a record, an API payload, or a batch of records that belong
// together. It is an immutable value, safe for concurrent use: every With method returns a changed copy, and
// [Transaction.Payload] never hands out memory that another attempt could see changed.
type Transaction struct {
	id       string
	payload  any
	metadata map[string]string // never changed after it was set
	delivery *Delivery         // never changed after it was set
}

// TransactionOf is a Transaction with its payload decoded. Body belongs to the attempt that received it and may be changed.
type TransactionOf[P any] struct {
	Transaction

	Body P
}

// Delivery is what a connector knows about one delivery of a transaction.
type Delivery struct {
	// Receipt is what the connector needs to settle this delivery: a tag, a token, an offset. Only the connector reads it.
	Receipt any
	// Count is how often the transaction has been delivered, this time included; 0 where the source does not count.
	Count int
	// EnqueuedAt is when the transaction entered its source; zero where the source does not know.
	EnqueuedAt time.Time
}

const orderingKey = "ordering_key"

// generated stands in place of a delivery in a transaction whose id NewTransaction made up: nobody has delivered it yet. So
// a hybrid task's outbound transactions that need an id are told from those that have one, at no cost to all the others.
var generated = &Delivery{} //nolint:gochecknoglobals // known by its address, never changed

// NewTransaction makes a transaction. An empty id is replaced by a new UUIDv7; a connector gives one that is the same
// for every redelivery. The payload belongs to the transaction from now on and must not be changed any more.
func NewTransaction(id string, payload any) Transaction {
	if id == "" {
		return Transaction{id: uuid.Must(uuid.NewV7()).String(), payload: payload, delivery: generated}
	}
	return Transaction{id: id, payload: payload}
}

// ID is stable over redeliveries.
func (t Transaction) ID() string { return t.id }

// Payload returns the payload as it was fetched. What could be changed through it (slices, maps, pointers, and structs
// that hold them) is returned as a copy, made anew by each call; a type with a method Clone that returns the type itself
// is copied by that. What only unexported fields reach is shared, and so are errors, locks, channels and functions.
func (t Transaction) Payload() any { return deepcopy.Of(t.payload) }

// TryPayload copies and encodes the payload once, as a connector may, and drops what comes of it; it does nothing where no methods
// of the payload's own take part in that. The engine calls it where only the caller waits for such a method, before it puts what
// several dispatch into one call: one that does not return holds up nobody else then.
func (t Transaction) TryPayload() {
	if !deepcopy.CallsMethods(t.payload) {
		return
	}
	defer func() { _ = recover() }()            // whoever encodes it in earnest finds that out
	_, _ = json.Marshal(deepcopy.Of(t.payload)) //nolint:errchkjson // only whether it returns counts
}

// Metadata returns the value of one metadata key.
func (t Transaction) Metadata(key string) (string, bool) {
	v, ok := t.metadata[key]
	return v, ok
}

// AllMetadata iterates over the metadata in the order of its keys.
func (t Transaction) AllMetadata() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, k := range slices.Sorted(maps.Keys(t.metadata)) {
			if !yield(k, t.metadata[k]) {
				return
			}
		}
	}
}

// Delivery returns what the connector knows about this delivery; the zero value for a transaction that none delivered.
func (t Transaction) Delivery() Delivery {
	if t.delivery == nil {
		return Delivery{}
	}
	return *t.delivery
}

// OrderingKey is the key that transactions are kept in order by where the policy asks for it; "" for none.
// It travels in the metadata, under "ordering_key".
func (t Transaction) OrderingKey() string { return t.metadata[orderingKey] }

// WithOrderingKey returns a copy with the ordering key.
func (t Transaction) WithOrderingKey(key string) Transaction { return t.WithMetadata(orderingKey, key) }

// WithPayload returns a copy with another payload, which belongs to the copy from now on.
func (t Transaction) WithPayload(payload any) Transaction {
	t.payload = payload
	return t
}

// WithMetadata returns a copy in which key has the value.
func (t Transaction) WithMetadata(key, value string) Transaction {
	changed := make(map[string]string, len(t.metadata)+1)
	maps.Copy(changed, t.metadata)
	changed[key] = value
	t.metadata = changed
	return t
}

// WithAllMetadata returns a copy that has all of metadata besides its own; where both have a key, that of metadata stands. It copies
// metadata, so that what the caller does to it later is not seen.
func (t Transaction) WithAllMetadata(metadata map[string]string) Transaction {
	if len(metadata) == 0 {
		return t
	}
	changed := make(map[string]string, len(t.metadata)+len(metadata))
	maps.Copy(changed, t.metadata)
	maps.Copy(changed, metadata)
	t.metadata = changed
	return t
}

// WithoutMetadata returns a copy without a key.
func (t Transaction) WithoutMetadata(key string) Transaction {
	if _, set := t.metadata[key]; set {
		changed := maps.Clone(t.metadata)
		delete(changed, key)
		t.metadata = changed
	}
	return t
}

// WithDelivery returns a copy that carries a delivery. Connectors call it for what they fetch.
func (t Transaction) WithDelivery(d Delivery) Transaction {
	t.delivery = &d
	return t
}
