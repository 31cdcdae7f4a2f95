package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/tracecontext"
)

// letterOf is the dead letter of a failed transaction, as it is dispatched. It has the delivery of that one, so that a store that
// knows the source can tell which item it was.
func letterOf(task string, f *flight) ergon.Transaction {
	cause, delivery := f.failure.cause, f.tx.Delivery()
	record := deadletter.Record{
		ID: f.tx.ID(), Task: task,
		Category: cause.Category, Phase: cause.Phase, Attempts: cause.Attempts, Message: cause.Err.Error(),
		Fingerprint: fingerprint(task, cause),
		Deliveries:  delivery.Count, EnqueuedAt: delivery.EnqueuedAt, FailedAt: f.failure.at.UTC(),
		Metadata: maps.Collect(failedIn(f).AllMetadata()), Payload: f.failure.payload, PayloadEncoding: f.failure.encoding,
	}
	if cause.First != nil {
		record.FirstError = cause.First.Error()
	}
	if f.failure.handler != nil {
		record.HandlerFailed, record.HandlerError = true, f.failure.handler.Err.Error()
	}
	return ergon.NewTransaction(f.tx.ID(), record.WithTexts()).WithDelivery(delivery)
}

// failedIn is a failed transaction with the trace context of its failure in the metadata, so that whoever consumes it after a retry
// finds out where it failed.
func failedIn(f *flight) ergon.Transaction {
	var of trace.SpanContext
	if f.extras != nil && f.extras.span != nil {
		of = f.extras.span.SpanContext()
	}
	return tracecontext.InjectSpan(of, *f.tx)
}

// A single quote counts as one only where no letter is beside it: "can't" has none.
var variable = regexp.MustCompile(`"[^"]*"|\B'[^']*'\B|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+`)

// fingerprint is the same for failures that differ only in numbers, ids and quoted values.
func fingerprint(task string, cause *ergon.TransactionError) string {
	message := variable.ReplaceAllString(cause.Err.Error(), "#")
	parts := []string{task, string(cause.Phase), cause.Category.String(), message}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
