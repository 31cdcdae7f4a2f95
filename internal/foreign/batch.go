package foreign

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
)

// ReadBatch is Read for the error of a call for n items: it reads the error of each. Like Read, it is called where the call is bounded
// and guarded. An error that [CheckBatch] rejects is the error of the whole call.
func ReadBatch(err error, n int) error {
	err = CheckBatch(err, n)
	batch := batchError(err)
	if batch == nil {
		return Read(err)
	}
	own := &ergon.BatchError{Failures: make(map[int]error, len(batch.Failures))}
	for i, failure := range batch.Failures {
		own.Failures[i] = Read(failure)
	}
	return own
}

// CheckBatch returns err, the error of a call for n items. If it names an item outside of the batch, the connector broke its
// contract, and nobody knows which items failed: then CheckBatch returns an error that fails the whole call. Code that reads
// BatchError.Failures by index calls it before.
func CheckBatch(err error, n int) error {
	batch := batchError(err)
	if batch == nil {
		return err
	}
	for _, i := range slices.Sorted(maps.Keys(batch.Failures)) {
		if failure := batch.Failures[i]; (i < 0 || i >= n) && failure != nil {
			//nolint:errorlint // as text: errors.Is must not find ErrStaleDelivery in it, which is about one item
			return fmt.Errorf("the connector reported a failure for item %d of %d: %v", i, n, failure)
		}
	}
	return err
}

func batchError(err error) *ergon.BatchError {
	batch, _ := errors.AsType[*ergon.BatchError](err)
	return batch
}
