package observe

import (
	"errors"
	"fmt"
)

// ProduceError is the error of a producing loop that could not prepare all its transactions.
type ProduceError struct {
	// Failed is the number of transactions that were not prepared.
	Failed int64
	// First are the errors of the first ones, up to five, each with the id of its transaction.
	First []error
}

func (e *ProduceError) Error() string {
	switch {
	case e.Failed == 1:
		return fmt.Sprintf("a transaction was not produced: %v", errors.Join(e.First...))
	case e.Failed <= int64(len(e.First)):
		return fmt.Sprintf("%d transactions were not produced:\n%v", e.Failed, errors.Join(e.First...))
	default:
		return fmt.Sprintf("%d transactions were not produced, the first of them:\n%v", e.Failed, errors.Join(e.First...))
	}
}

// Unwrap returns the first errors.
func (e *ProduceError) Unwrap() []error { return e.First }
