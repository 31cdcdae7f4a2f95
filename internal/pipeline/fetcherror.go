package pipeline

import "fmt"

// FetchError ends a loop whose fetch failed for good, after everything in flight was settled.
type FetchError struct {
	Connector string
	// Err is the last attempt's, a *ergon.TransactionError.
	Err error
}

var _ error = (*FetchError)(nil)

func (e *FetchError) Error() string {
	return fmt.Sprintf("fetch from connector %q: %v", e.Connector, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }
