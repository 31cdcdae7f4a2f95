package ergon

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ergon-go/ergon/internal/deepcopy"
)

// Transaction is one indivisible unit of work: a message, a record, an API payload, or a batch of records that belong together.
// It is an immutable value, safe for concurrent use. Every With method returns a changed copy. [Transaction.Payload] never
// returns memory in which another attempt could see a change.
type Transaction struct {
	id       string
	payload  any
	metadata map[string]string // never changed after it was set
	delivery *Delivery         // never changed after it was set
}

// TransactionOf is a Transaction with its payload decoded. The attempt that received it owns Body and may change it.
type TransactionOf[P any] struct {
	Transaction

	Body P
}

// Delivery has the data of a connector about one delivery of a transaction.
type Delivery struct {
	// Receipt is what the connector needs to settle this delivery: a tag, a token, an offset. Only the connector reads it.
	Receipt any
	// Count is the number of deliveries of the transaction, including this one; 0 if the source does not count.
	Count int
	// Partition is the part of the source within which deliveries have an order, such as a partition of a topic. "" is a partition
	// like any other.
	Partition string
	// Position orders the deliveries of one partition. It grows, except for a redelivery; gaps mean nothing.
	Position int64
	// ExpiresAt is when the source takes the delivery back, unless it is extended: by the clock of this process, and not after the
	// source's own time. It is for a delivery that a capability.LeaseKeeper has not just claimed. Zero means LeaseDuration after the
	// fetch began.
	ExpiresAt time.Time
	// EnqueuedAt is when the transaction entered its source; zero if the source does not know.
	EnqueuedAt time.Time
}

const orderingKey = "ordering_key"

// generated stands in place of a delivery in a transaction whose id NewTransaction made up: nobody has delivered it yet. So
// a hybrid task's outbound transactions that need an id are told from those that have one, at no cost to all the others.
var generated = &Delivery{} //nolint:gochecknoglobals // known by its address, never changed

// NewTransaction makes a transaction. An empty id is replaced by a new UUIDv7; a connector passes an id that is the same for
// every redelivery. The transaction owns the payload: the caller must not change it afterwards.
func NewTransaction(id string, payload any) Transaction {
	if id == "" {
		return Transaction{id: uuid.Must(uuid.NewV7()).String(), payload: payload, delivery: generated}
	}
	return Transaction{id: id, payload: payload}
}

// ID returns the id, which is the same for every delivery of the transaction.
func (t Transaction) ID() string { return t.id }

// Payload returns the payload as it was fetched. Each call copies everything that could be changed through the result: slices,
// maps, pointers, and structs that contain them. If a type has a method Clone that returns the type itself, Clone makes the copy.
// Values that only unexported fields refer to are shared. Errors, locks, channels and functions are shared as well.
func (t Transaction) Payload() any { return deepcopy.Of(t.payload) }

// PayloadCallsMethods reports whether copying the payload, or encoding it as JSON, may call methods of its types, for example Clone or
// MarshalJSON. It calls none of them. It is for the engine, which limits how long such methods may take.
func (t Transaction) PayloadCallsMethods() bool { return deepcopy.CallsMethods(t.payload) }

// Metadata returns the value of one metadata key, and whether the key is set.
func (t Transaction) Metadata(key string) (string, bool) {
	v, ok := t.metadata[key]
	return v, ok
}

// AllMetadata yields the keys and values of the metadata, sorted by key.
func (t Transaction) AllMetadata() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, k := range slices.Sorted(maps.Keys(t.metadata)) {
			if !yield(k, t.metadata[k]) {
				return
			}
		}
	}
}

// Delivery returns the data of the connector about this delivery. It is the zero value for a transaction that no connector
// delivered.
func (t Transaction) Delivery() Delivery {
	if t.delivery == nil {
		return Delivery{}
	}
	return *t.delivery
}

// OrderingKey returns the key of transactions that are processed in order, if the policy asks for it; "" for none. It is in the
// metadata, under "ordering_key".
func (t Transaction) OrderingKey() string { return t.metadata[orderingKey] }

// WithOrderingKey returns a copy with the ordering key.
func (t Transaction) WithOrderingKey(key string) Transaction { return t.WithMetadata(orderingKey, key) }

// WithPayload returns a copy with another payload, which the copy owns.
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

// WithAllMetadata returns a copy with all of metadata in addition to its own. If a key is in both, the value in metadata applies.
// The map is copied, so the caller may change it afterwards.
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

// WithDelivery returns a copy with a delivery. Connectors call it for the transactions that they fetch.
func (t Transaction) WithDelivery(d Delivery) Transaction {
	t.delivery = &d
	return t
}
