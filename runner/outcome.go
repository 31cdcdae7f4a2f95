package runner

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

type (
	// Snapshot is the state of a loop at one moment, or of several loops together.
	Snapshot = observe.Snapshot
	// PhaseStats are the durations of the attempts of a phase.
	PhaseStats = observe.PhaseStats
	// Bucket counts the durations between the bucket before and this one.
	Bucket = observe.Bucket
	// Outcome is the result of a transaction.
	Outcome = observe.Outcome
	// ProduceError is the error of a producing loop that could not prepare some of its transactions: how many, and the first
	// errors. [ProduceTransactions] and a Run of a producing task return it.
	ProduceError = observe.ProduceError
)

// TransactionResult is the result of one transaction.
type TransactionResult struct {
	Transaction ergon.Transaction
	Outcome     Outcome
	// Value is the value that the task's Process returned.
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
	// ErrHeadroom ends a loop that abandoned too many attempts whose handlers do not return.
	ErrHeadroom = pipeline.ErrHeadroom
	// ErrUnsettled ends a loop that could not settle some transactions: they are delivered again.
	ErrUnsettled = pipeline.ErrUnsettled
	// ErrUnwritten is returned if some transactions stay in their source, because their dead letters could not be written.
	ErrUnwritten = pipeline.ErrUnwritten
)
