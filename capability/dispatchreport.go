package capability

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
)

// ErrConflict is the item error of a sink with `on_conflict: error` for a transaction whose id it knows with other content
// [I2]. Sending it again does not help.
var ErrConflict = errors.New("the id is known with other content")

// DispatchResult is what became of a transaction that a sink knew already. One that nothing is reported of was stored.
type DispatchResult string

// The results.
const (
	// Duplicate is one that is known with the same content: nothing was stored, and nothing is missing.
	Duplicate DispatchResult = "duplicate"
	// Conflict is one whose id is known with other content: the first one stands, and this one was not stored.
	Conflict DispatchResult = "conflict"
	// Diverged is one with a derived id that is known with other content: it was stored under its alternate id
	// (see [ergon.Transaction.AlternateID]).
	Diverged DispatchResult = "diverged"
)

// OnConflict is the setting of a sink for what becomes of a transaction whose id it knows with other content [I2].
type OnConflict string

const (
	// ConflictAuto lets the first stand and reports the other, which is not stored. One with a derived id is stored beside it,
	// under its alternate id. It is the default.
	ConflictAuto OnConflict = "auto"
	// ConflictFirst lets the first stand, derived or not.
	ConflictFirst OnConflict = "first"
	// ConflictError is ConflictAuto, but what is not stored is an item error, [ErrConflict], in place of a report.
	ConflictError OnConflict = "error"
)

// Known reports whether it is one of the settings.
func (c OnConflict) Known() bool {
	return c == ConflictAuto || c == ConflictFirst || c == ConflictError
}

// ReportDispatch is called by a sink, with the context of DispatchTransactions or HopTransactions, for each transaction that
// it knew already. Where nobody listens it does nothing. A sink calls it once what it reports is certain, that is after its
// commit, and before it returns. It is safe for concurrent use.
func ReportDispatch(ctx context.Context, tx ergon.Transaction, result DispatchResult) {
	if report, ok := ctx.Value(dispatchReportKey{}).(func(ergon.Transaction, DispatchResult)); ok {
		report(tx, result)
	}
}

// WithDispatchReport returns a context whose dispatches are reported to report, instead of to a listener that ctx has. It is
// called on the goroutine of the sink, maybe by several at once, and must not wait.
func WithDispatchReport(ctx context.Context, report func(tx ergon.Transaction, result DispatchResult)) context.Context {
	return context.WithValue(ctx, dispatchReportKey{}, report)
}

// DispatchReport returns the listener of ctx; nil for none. It is for what joins the dispatches of several callers and has
// to tell each of its own.
func DispatchReport(ctx context.Context) func(tx ergon.Transaction, result DispatchResult) {
	report, _ := ctx.Value(dispatchReportKey{}).(func(ergon.Transaction, DispatchResult))
	return report
}

type dispatchReportKey struct{}
