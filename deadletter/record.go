package deadletter

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Record is the payload of the transaction that is dispatched to a dead-letter connector. That transaction has
// the id and the delivery of the failed one.
type Record struct {
	// ID is the id of the failed transaction.
	ID string `json:"id"`
	// Task is the name of the task that failed.
	Task string `json:"task"`
	// Category, Phase and Attempts are those of the ergon.TransactionError.
	Category ergon.Category `json:"category"`
	Phase    policy.Phase   `json:"phase"`
	Attempts int            `json:"attempts"`
	// Message is the error of the last attempt, FirstError that of the first where there was more than one.
	Message    string `json:"message"`
	FirstError string `json:"first_error,omitempty"`
	// Fingerprint is the same for failures that look alike: a hash of task, phase, category and the message without its
	// numbers and quoted parts.
	Fingerprint string `json:"fingerprint"`
	// HandlerFailed is set where the exception handler failed for good as well; HandlerError says how.
	HandlerFailed bool   `json:"handler_failed,omitempty"`
	HandlerError  string `json:"handler_error,omitempty"`
	// Deliveries is how often the source had delivered the transaction; 0 where it does not count.
	Deliveries int `json:"deliveries,omitempty"`
	// EnqueuedAt is when the transaction entered its source, FailedAt when it failed for good.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	FailedAt   time.Time `json:"failed_at"`
	// Metadata is the metadata of the transaction, but for BinaryMetadata.
	Metadata map[string]string `json:"metadata,omitempty"`
	// BinaryID is the id where that is no UTF-8, which JSON cannot hold.
	BinaryID []byte `json:"binary_id,omitempty"`
	// BinaryMetadata is the metadata of which the key or the value is no UTF-8, in the order of its keys.
	BinaryMetadata []BinaryPair `json:"binary_metadata,omitempty"`
	// PayloadEncoding is the form of Payload, which is the payload as it was fetched: a json.RawMessage, a string or a []byte,
	// once it is encoded.
	PayloadEncoding Encoding `json:"payload_encoding,omitempty"`
	Payload         any      `json:"payload"`
}

// BinaryPair is a pair of metadata that is no UTF-8.
type BinaryPair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}
