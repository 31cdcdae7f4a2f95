package runner

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

type (
	// Snapshot is the state of a loop at one moment, or of several loops together.
	Snapshot = observe.Snapshot
	// PhaseStats is how long the attempts of a phase took.
	PhaseStats = observe.PhaseStats
	// Bucket counts the durations between the bucket before and this one.
	Bucket = observe.Bucket
	// Outcome is what became of a transaction.
	Outcome = observe.Outcome
	// ProduceError is what a producing loop ends with that could not prepare some of its transactions: how many, and the first
	// errors. [ProduceTransactions] and a run of a producing task return it.
	ProduceError = observe.ProduceError
)

// Result is what became of one transaction.
type Result struct {
	Transaction ergon.Transaction
	Outcome     Outcome
	// Value is what the task's Process returned.
	Value any
	// Err is nil if the transaction succeeded.
	Err error
}

// The outcomes.
const (
	Succeeded     = observe.Succeeded
	DeadLettered  = observe.DeadLettered
	Requeued      = observe.Requeued
	Discarded     = observe.Discarded
	HandlerFailed = observe.HandlerFailed
	Interrupted   = observe.Interrupted
	Redelivered   = observe.Redelivered
	Failed        = observe.Failed
)

var (
	// ErrHeadroom ends a loop that gave up too many attempts whose handlers do not return.
	ErrHeadroom = pipeline.ErrHeadroom
	// ErrUnsettled is a loop that could not tell its source what became of some transactions: they are delivered again.
	ErrUnsettled = pipeline.ErrUnsettled
	// ErrUnwritten is a loop that leaves transactions with their source because their dead letters could not be written.
	ErrUnwritten = pipeline.ErrUnwritten
)
