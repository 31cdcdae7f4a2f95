package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Store is a connector that keeps dead letters. It is safe for concurrent use, also by other processes while a task writes to
// it.
type Store interface {
	// ListDeadLetters returns one page of the letters that match, the latest first. Payloads are as the store received them: a
	// json.RawMessage for JSON, a string for other text, otherwise a []byte.
	ListDeadLetters(ctx context.Context, filter Filter, page Page) ([]Letter, error)
	// GroupDeadLetters counts the letters that match by their fingerprint, the largest group first.
	GroupDeadLetters(ctx context.Context, filter Filter) ([]Group, error)
	// RetryDeadLetters requeues the letters that match to the queues they came from and returns how many. Each leaves the store
	// in the same transaction in which it enters its queue. Its history goes with it: if it fails again, the new letter has it.
	// It is another arrival of its transaction, of the same generation. A letter stays and is not counted if the store does not
	// have its queue, or if the queue knows that arrival with other content.
	RetryDeadLetters(ctx context.Context, filter Filter) (int64, error)
	// DropDeadLetters deletes the letters that match and returns how many. If [Filter.ValidateDrop] refuses the filter, it
	// returns that error and deletes nothing.
	DropDeadLetters(ctx context.Context, filter Filter) (int64, error)
}

// Editor is a [Store] that can change the payload of a letter and requeue it in one step.
type Editor interface {
	Store

	// EditDeadLetter requeues the letter with that key to its queue with another payload, as the next generation of its
	// transaction (see [capability.Edited]), and with its history. It returns false and changes nothing if there is no such
	// letter, if the store does not have its queue, or if the queue does not accept it.
	EditDeadLetter(ctx context.Context, key string, payload []byte) (bool, error)
}

// Letter is a [Record] in a store.
type Letter struct {
	Record

	// Key names the letter in its store, for as long as it is there.
	Key string `json:"key"`
	// Origin identifies the letter among those of all stores. If a retry is repeated, the same origin makes it the same arrival
	// of its transaction. "" if the store has no identity of its own.
	Origin string `json:"origin,omitempty"`
	// Queue is the queue in the same store that the transaction came from; "" if it came from elsewhere.
	Queue string `json:"queue,omitempty"`
	// History is the earlier failures for which the transaction was a dead letter, the oldest first.
	History []Failure `json:"history,omitempty"`
}

// Failure is the reason of an earlier dead letter of the transaction, before a retry.
type Failure struct {
	Category ergon.Category `json:"category"`
	Phase    policy.Phase   `json:"phase"`
	Message  string         `json:"message"`
	FailedAt time.Time      `json:"failed_at"`
	// RetriedAt is when the letter was requeued.
	RetriedAt time.Time `json:"retried_at"`
}

// Filter selects letters that match all fields that are set. The zero value matches every letter.
type Filter struct {
	// Keys, if there are any, select letters by key.
	Keys []string
	// Task, Phase and Fingerprint match letters with the same value. "" matches all.
	Task        string
	Phase       policy.Phase
	Fingerprint string
	// Category matches letters with the same category. Nil matches all.
	Category *ergon.Category
	// FailedAfter and FailedBefore limit the time of the failure, inclusively. Zero means no limit.
	FailedAfter, FailedBefore time.Time
	// All confirms a drop of every letter. Only DropDeadLetters reads it, and only if no other field selects letters.
	All bool
}

// ValidateDrop returns [ErrNothingSelected] if f would drop every letter and All is not set.
func (f Filter) ValidateDrop() error {
	selects := len(f.Keys) > 0 || f.Task != "" || f.Phase != "" || f.Fingerprint != "" || f.Category != nil ||
		!f.FailedAfter.IsZero() || !f.FailedBefore.IsZero()
	if !selects && !f.All {
		return ErrNothingSelected
	}
	return nil
}

// ErrNothingSelected means that the filter of a drop selects no letters and does not confirm that all are meant.
var ErrNothingSelected = errors.New("no dead letters are selected; set a field of the filter, or All to drop every letter")

// Page is a part of a list.
type Page struct {
	// Limit is the maximum number of letters. At least 1.
	Limit int
	// After is the key of the last letter of the page before; "" means the first page.
	After string
}

// Group is the letters with one fingerprint.
type Group struct {
	Fingerprint string         `json:"fingerprint"`
	Task        string         `json:"task"`
	Category    ergon.Category `json:"category"`
	Phase       policy.Phase   `json:"phase"`
	// Message is the message of the latest letter.
	Message string `json:"message"`
	Count   int64  `json:"count"`
	// First and Last are the times of the earliest and the latest failure.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}
