package runner

import "github.com/ergon-go/ergon/internal/pipeline"

type (
	// Snapshot is the state of a loop at one moment, or of several loops together.
	Snapshot = pipeline.Snapshot
	// PhaseStats is how long the attempts of a phase took.
	PhaseStats = pipeline.PhaseStats
	// Bucket counts the durations between the bucket before and this one.
	Bucket = pipeline.Bucket
	// Outcome is what became of a transaction.
	Outcome = pipeline.Outcome
	// Result is what one transaction came to.
	Result = pipeline.Result
	// ProduceError is what a producing loop ends with that could not prepare some of its transactions: how many, and the first
	// errors. [ProduceTransactions] and a run of a producing task return it.
	ProduceError = pipeline.ProduceError
)

// The outcomes.
const (
	Succeeded     = pipeline.Succeeded
	DeadLettered  = pipeline.DeadLettered
	Requeued      = pipeline.Requeued
	Discarded     = pipeline.Discarded
	HandlerFailed = pipeline.HandlerFailed
	Interrupted   = pipeline.Interrupted
	Redelivered   = pipeline.Redelivered
	Failed        = pipeline.Failed
)

var (
	// ErrHeadroom ends a loop that gave up too many attempts whose handlers do not return.
	ErrHeadroom = pipeline.ErrHeadroom
	// ErrUnsettled is a loop that could not tell its source what became of some transactions: they are delivered again.
	ErrUnsettled = pipeline.ErrUnsettled
	// ErrUnwritten is a loop that leaves transactions with their source because their dead letters could not be written.
	ErrUnwritten = pipeline.ErrUnwritten
)
