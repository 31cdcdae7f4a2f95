package dashboards

import (
	"strings"

	"github.com/ergon-go/ergon/internal/spans"
)

// gauge, counter and histogram are names of metrics as Prometheus has them.

func gauge(i spans.Instrument) string {
	name := underscored(i.Name)
	switch i.Unit {
	case "s":
		return name + "_seconds"
	case "1":
		return name + "_ratio"
	default: // {transaction} and such are annotations
		return name
	}
}

func counter(i spans.Instrument) string { return gauge(i) + "_total" }

func histogram(i spans.Instrument) string { return gauge(i) + "_bucket" }

func label[K ~string](k K) string { return underscored(string(k)) }

func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }

// fill replaces words in a query, such as TASK, by the names of metrics and labels.
func fill(query string) string {
	return strings.NewReplacer(
		"TRANSACTIONS", counter(spans.Transactions),
		"CONSUMED", counter(spans.ConsumedMessages),
		"SENT", counter(spans.SentMessages),
		"LATE", counter(spans.LateResults),
		"PROCESS_SECONDS", histogram(spans.ProcessDuration),
		"ATTEMPT_SECONDS", histogram(spans.AttemptDuration),
		"OPERATION_SECONDS", histogram(spans.OperationDuration),
		"OPERATION_COUNT", strings.TrimSuffix(histogram(spans.OperationDuration), "bucket")+"count",
		"ATTEMPT_COUNT", strings.TrimSuffix(histogram(spans.AttemptDuration), "bucket")+"count",
		"IN_FLIGHT", gauge(spans.InFlight),
		"ABANDONED", gauge(spans.Abandoned),
		"LIMIT", gauge(spans.ConcurrencyLimit),
		"OUTAGE", gauge(spans.Outage),
		"QUEUED", gauge(spans.QueueTransactions),
		"OLDEST", gauge(spans.QueueOldestAge),
		"TASK", label(spans.Task),
		"OUTCOME", label(spans.Outcome),
		"PHASE", label(spans.PhaseKey),
		"RESULT", label(spans.Result),
		"STATE", label(spans.State),
		"OPERATION", label(spans.MessagingOperation),
		"ERROR", label(spans.ErrorType),
	).Replace(query)
}
