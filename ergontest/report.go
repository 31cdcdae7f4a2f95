package ergontest

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// Outcome is the outcome of a transaction.
type Outcome uint8

// The outcomes.
const (
	Succeeded     = Outcome(pipeline.Succeeded)
	DeadLettered  = Outcome(pipeline.DeadLettered)
	Requeued      = Outcome(pipeline.Requeued)
	Discarded     = Outcome(pipeline.Discarded)
	HandlerFailed = Outcome(pipeline.HandlerFailed) // the exception handler failed
	Interrupted   = Outcome(pipeline.Interrupted)
	Redelivered   = Outcome(pipeline.Redelivered)
	Failed        = Outcome(pipeline.Failed) // only for a task that only produces, because there is no source
)

// String returns the word that metrics, spans and summaries use.
func (o Outcome) String() string { return pipeline.Outcome(o).String() }

// Report is the report of a run. All times are virtual, and are measured from the beginning of the run.
type Report struct {
	// Results has one element for each delivery, or for each transaction of a task that only produces, in the order in which their
	// lifecycles ended.
	Results []TransactionResult
	// DeadLetters are in the order in which they were written.
	DeadLetters []deadletter.Record
	// Settlements are in the order in which the source received them.
	Settlements []Settlement
	// Spans are in the order in which they started. A span that an abandoned attempt left open has no End.
	Spans []Span
	// Logs are the records of the engine, and those that the task logged with ergon.Dependencies.Logger.
	Logs []Log
	// Err is the error of the run, including those of the task's Exit and of closing its connectors. The failure of a transaction
	// is not an error of the run.
	Err error
	// Elapsed is the duration of the run.
	Elapsed time.Duration
}

// TransactionResult is the result of one delivery.
type TransactionResult struct {
	// Transaction is the transaction as it was delivered.
	Transaction ergon.Transaction
	Outcome     Outcome
	// Value is the result of the task's Process.
	Value any
	// Err is nil if the transaction succeeded. Otherwise it is a *ergon.TransactionError, ergon.ErrInterrupted or
	// capability.ErrStaleDelivery.
	Err error
	// Attempts are those of all phases, in order.
	Attempts []Attempt
	// Settlement is what the source received; nil if it received nothing.
	Settlement *Settlement
	// DeadLetter is the dead letter that was written; nil if there is none.
	DeadLetter *deadletter.Record
}

// Attempt is one attempt of a phase.
type Attempt struct {
	Phase policy.Phase
	// Number counts the attempts of a phase, from 1.
	Number int
	// Start and End are when the attempt began, and when the engine continued: at the return of the handler or at the deadline.
	Start, End time.Duration
	// Result is ok, business, permanent, system, timeout, out_of_time, interrupted or lease_lost.
	Result string
	// Err is the error of the attempt; nil if it succeeded.
	Err error
}

// String returns one line without the error, such as "process 2, 6s to 11s: timeout".
func (a Attempt) String() string {
	return fmt.Sprintf("%s %d, %s to %s: %s", a.Phase, a.Number, a.Start, a.End, a.Result)
}

// Settlement is a settlement that the source received, with its time.
type Settlement struct {
	capability.Settlement

	// At is when the source received it, since the beginning of the run.
	At time.Duration
}

// Of returns the results of the transaction with that id, one for each delivery.
func (r Report) Of(id string) []TransactionResult {
	var of []TransactionResult
	for _, result := range r.Results {
		if result.Transaction.ID() == id {
			of = append(of, result)
		}
	}
	return of
}

// SpansNamed returns the spans with that name.
func (r Report) SpansNamed(name string) []Span {
	var named []Span
	for _, span := range r.Spans {
		if span.Name == name {
			named = append(named, span)
		}
	}
	return named
}

// report puts together what was recorded.
func (r *run) report(elapsed time.Duration, err error) Report {
	report := Report{Err: err, Elapsed: elapsed, Spans: r.spans.all(), Logs: r.logs.all(), DeadLetters: r.letters.all()}
	if r.source != nil {
		report.Settlements = r.source.settlements()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, result := range r.ended {
		result.Attempts = attemptsOf(report.Spans, result.Transaction)
		report.settle(&result)
		report.Results = append(report.Results, result)
	}
	return report
}

// settle finds what became of a result after its lifecycle. Where its dead letter could not be written it was requeued.
func (r Report) settle(result *TransactionResult) {
	for i, s := range r.Settlements {
		if isSameDelivery(s.Transaction, result.Transaction) {
			result.Settlement = &r.Settlements[i]
		}
	}
	if result.Outcome != DeadLettered && result.Outcome != HandlerFailed {
		return
	}
	if s := result.Settlement; s != nil && s.Action == policy.SettleRequeue {
		result.Outcome = Requeued
		return
	}
	for i, letter := range r.DeadLetters {
		if letter.ID == result.Transaction.ID() && letter.Deliveries == result.Transaction.Delivery().Count {
			result.DeadLetter = &r.DeadLetters[i]
		}
	}
}

func isSameDelivery(a, b ergon.Transaction) bool {
	return a.ID() == b.ID() && a.Delivery().Count == b.Delivery().Count
}
