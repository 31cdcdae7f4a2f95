package deadletter

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Record is the payload of a transaction that is dispatched to a dead-letter connector. The transaction has the same id and the
// same delivery as the failed one.
type Record struct {
	// ID is the id of the failed transaction.
	ID string `json:"id"`
	// Task is the name of the task that failed.
	Task string `json:"task"`
	// Category, Phase and Attempts are those of the [ergon.TransactionError].
	Category ergon.Category `json:"category"`
	Phase    policy.Phase   `json:"phase"`
	Attempts int            `json:"attempts"`
	// Message is the error of the last attempt. FirstError is the error of the first one if there were several attempts.
	Message    string `json:"message"`
	FirstError string `json:"first_error,omitempty"`
	// Fingerprint is the same for failures that look alike: a hash of task, phase, category and the message without its
	// numbers and quoted parts.
	Fingerprint string `json:"fingerprint"`
	// HandlerFailed is set if the exception handler failed permanently as well; HandlerError is its error.
	HandlerFailed bool   `json:"handler_failed,omitempty"`
	HandlerError  string `json:"handler_error,omitempty"`
	// Deliveries is how often the source had delivered the transaction; 0 if the source does not count.
	Deliveries int `json:"deliveries,omitempty"`
	// EnqueuedAt is when the transaction entered its source, FailedAt when it failed permanently.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	FailedAt   time.Time `json:"failed_at"`
	// Metadata is the metadata of the transaction, except BinaryMetadata.
	Metadata map[string]string `json:"metadata,omitempty"`
	// BinaryID is the id if it is not UTF-8, because JSON cannot hold it.
	BinaryID []byte `json:"binary_id,omitempty"`
	// BinaryMetadata is the metadata whose key or value is not UTF-8, sorted by key.
	BinaryMetadata []BinaryPair `json:"binary_metadata,omitempty"`
	// PayloadEncoding is the encoding of Payload, the payload as it was fetched. An encoded payload is a json.RawMessage, a
	// string or a []byte.
	PayloadEncoding Encoding `json:"payload_encoding,omitempty"`
	Payload         any      `json:"payload"`
}

// BinaryPair is a pair of metadata that is not UTF-8.
type BinaryPair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}
