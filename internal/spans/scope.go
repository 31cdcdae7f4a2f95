package spans

import "context"

// Scope says what a piece of work belongs to, so that what it logs can be found again. It travels in the context.
type Scope struct {
	Task, Worker  string
	TransactionID string
	Phase         string
	// Attempt is counted from 1; 0 outside of an attempt.
	Attempt int
	// Identity is what ids of the task's outputs derive from, besides the inbound one; "" where it is not known. It is not told.
	Identity string
}

type scopeKey uint8

// ScopeKey is what a context's Value method answers with a *Scope, which nobody changes any more. A context type of one's
// own can make the Scope when it is asked, so that work that logs nothing pays nothing.
const ScopeKey scopeKey = 0

// Keys of what log records carry.
const (
	LogTask          = "task"
	LogWorker        = "worker"
	LogTransactionID = "transaction_id"
	LogPhase         = "phase"
	LogAttempt       = "attempt"
	LogTraceID       = "trace_id"
	LogSpanID        = "span_id"
)

// ScopeFrom returns the scope that ctx belongs to.
func ScopeFrom(ctx context.Context) (Scope, bool) {
	scope, ok := ctx.Value(ScopeKey).(*Scope)
	if !ok || scope == nil {
		return Scope{}, false
	}
	return *scope, true
}

// WithScope returns a context that belongs to scope.
func WithScope(ctx context.Context, scope Scope) context.Context {
	return context.WithValue(ctx, ScopeKey, &scope)
}
