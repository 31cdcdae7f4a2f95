package capability

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
)

// ErrConflict is the item error of a sink with `on_conflict: error` for a transaction whose id it knows with other content
// [I2]. It is permanent: sending the transaction again fails again.
var ErrConflict = errors.New("the id is known with other content")

// DispatchResult is the result of dispatching a transaction that a sink knew already. A transaction without a result was stored.
type DispatchResult string

// The results.
const (
	// Duplicate means that the id is known with the same content. Nothing was stored, and nothing is missing.
	Duplicate DispatchResult = "duplicate"
	// Conflict means that the id is known with other content. The stored one stays, and this one was not stored.
	Conflict DispatchResult = "conflict"
	// Diverged means that a derived id is known with other content. The transaction was stored under its alternate id (see
	// [ergon.Transaction.AlternateID]).
	Diverged DispatchResult = "diverged"
)

// OnConflict is the setting of a sink for transactions whose id it knows with other content [I2].
type OnConflict string

const (
	// ConflictAuto keeps the stored one and reports the other, which is not stored. A transaction with a derived id is stored
	// as well, under its alternate id. This is the default.
	ConflictAuto OnConflict = "auto"
	// ConflictFirst keeps the stored one, also if the id is derived.
	ConflictFirst OnConflict = "first"
	// ConflictError is ConflictAuto, but returns an item error, [ErrConflict], for what is not stored.
	ConflictError OnConflict = "error"
)

// Known reports whether c is one of the settings.
func (c OnConflict) Known() bool {
	return c == ConflictAuto || c == ConflictFirst || c == ConflictError
}

// ReportDispatch reports a transaction that a sink knew already. The sink calls it with the context of DispatchTransactions or
// HopTransactions, after its commit and before it returns. Without a listener it does nothing. It is safe for concurrent use.
func ReportDispatch(ctx context.Context, tx ergon.Transaction, result DispatchResult) {
	if report, ok := ctx.Value(dispatchReportKey{}).(func(ergon.Transaction, DispatchResult)); ok {
		report(tx, result)
	}
}

// WithDispatchReport returns a context with the listener report, which replaces the one of ctx. Sinks call report on their own
// goroutines, possibly at the same time. report must not block.
func WithDispatchReport(ctx context.Context, report func(tx ergon.Transaction, result DispatchResult)) context.Context {
	return context.WithValue(ctx, dispatchReportKey{}, report)
}

// DispatchReport returns the listener of ctx, or nil if there is none. It is for code that merges the dispatches of several
// callers and reports to each caller its own transactions.
func DispatchReport(ctx context.Context) func(tx ergon.Transaction, result DispatchResult) {
	report, _ := ctx.Value(dispatchReportKey{}).(func(ergon.Transaction, DispatchResult))
	return report
}

type dispatchReportKey struct{}
