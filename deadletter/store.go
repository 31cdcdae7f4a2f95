package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Store is the optional capability of a connector that keeps dead letters. It is safe for concurrent use, also by other
// processes while a task writes into it.
type Store interface {
	// ListDeadLetters returns the letters that match, the latest first, a page at a time. Payloads are as they were given to the
	// store: json.RawMessage where it was JSON, a string where it was other text, otherwise a []byte.
	ListDeadLetters(ctx context.Context, filter Filter, page Page) ([]Letter, error)
	// GroupDeadLetters counts the letters that match by their fingerprint, the largest group first.
	GroupDeadLetters(ctx context.Context, filter Filter) ([]Group, error)
	// RetryDeadLetters gives the letters that match back to the queues they came from and returns how many. Each leaves the
	// store in the same moment as it enters its queue, and its history goes with it: should it fail again, the new letter
	// has it. It enters as another arrival of its transaction, of the same generation. Letters whose queue the store does not
	// hold, or knows that arrival with other content, stay and are not counted.
	RetryDeadLetters(ctx context.Context, filter Filter) (int64, error)
	// DropDeadLetters removes the letters that match for good and returns how many. A filter that Filter.ValidateDrop refuses is
	// an error, and nothing is removed.
	DropDeadLetters(ctx context.Context, filter Filter) (int64, error)
}

// Editor is a Store that gives a letter back with another payload, in one step.
type Editor interface {
	Store

	// EditDeadLetter gives the letter with that key back to its queue with another payload, as the next generation of its
	// transaction (see capability.Edited), and with its history. It returns false, and changes nothing, where there is no such
	// letter, or none whose queue the store holds and takes it.
	EditDeadLetter(ctx context.Context, key string, payload []byte) (bool, error)
}

// Letter is a Record as a store keeps it.
type Letter struct {
	Record

	// Key names the letter in its store, for as long as it is there.
	Key string `json:"key"`
	// Origin names the letter among those of all stores: what is given back with the same origin is the same arrival of its
	// transaction, however often the step is repeated. "" where the store has no name of its own.
	Origin string `json:"origin,omitempty"`
	// Queue is the queue in the same store that the transaction came from; "" where it came from elsewhere.
	Queue string `json:"queue,omitempty"`
	// History is what the transaction was a dead letter for before, the oldest first.
	History []Failure `json:"history,omitempty"`
}

// Failure is why a transaction was a dead letter before it was tried again.
type Failure struct {
	Category ergon.Category `json:"category"`
	Phase    policy.Phase   `json:"phase"`
	Message  string         `json:"message"`
	FailedAt time.Time      `json:"failed_at"`
	// RetriedAt is when it was given back to its queue.
	RetriedAt time.Time `json:"retried_at"`
}

// Filter chooses letters: those that match all of what is set. The zero value matches every letter.
type Filter struct {
	// Keys, where there are any, are the letters that are meant.
	Keys []string
	// Task, Phase and Fingerprint match where they are equal.
	Task        string
	Phase       policy.Phase
	Fingerprint string
	// Category matches where it is not nil and equal.
	Category *ergon.Category
	// FailedAfter and FailedBefore bound the time of the failure; zero: no bound. The bounds themselves match.
	FailedAfter, FailedBefore time.Time
	// All confirms a drop of every letter. Only DropDeadLetters reads it, and only if no other field selects letters.
	All bool
}

// ValidateDrop returns ErrNothingSelected if f would drop every letter and does not say so by All.
func (f Filter) ValidateDrop() error {
	selects := len(f.Keys) > 0 || f.Task != "" || f.Phase != "" || f.Fingerprint != "" || f.Category != nil ||
		!f.FailedAfter.IsZero() || !f.FailedBefore.IsZero()
	if !selects && !f.All {
		return ErrNothingSelected
	}
	return nil
}

// ErrNothingSelected is the error of a drop whose filter selects no letters and does not confirm that all of them are meant.
var ErrNothingSelected = errors.New("no dead letters are selected; set a field of the filter, or All to drop every letter")

// Page is a part of a list.
type Page struct {
	// Limit is how many letters at most. At least 1.
	Limit int
	// After is the key of the last letter of the page before; "" for the first page.
	After string
}

// Group is letters that look alike.
type Group struct {
	Fingerprint string         `json:"fingerprint"`
	Task        string         `json:"task"`
	Category    ergon.Category `json:"category"`
	Phase       policy.Phase   `json:"phase"`
	// Message is that of the latest.
	Message string `json:"message"`
	Count   int64  `json:"count"`
	// First and Last are when the earliest and the latest of them failed.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}
