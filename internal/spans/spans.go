// Package spans holds every name that Ergon puts into telemetry: spans, attributes, metrics, their units and buckets.
// Names from the OpenTelemetry messaging conventions (semantic conventions 1.37, "development" status) are used where they
// fit; Ergon's own begin with "ergon.". A golden test of package pipeline fails when an exported name changes.
package spans

import "go.opentelemetry.io/otel/attribute"

// InstrumentationName is the name of Ergon's tracer and meter.
const InstrumentationName = "github.com/ergon-go/ergon"

// Names of spans. The span of a transaction is "process <task>", or "prepare <task>" where it is produced, that of an attempt
// "<phase> attempt <n>".
const (
	TaskRun       = "task.run"
	TaskStart     = "task.start"
	OpenPrefix    = "open "
	Fetch         = "fetch"
	ProcessPrefix = "process "
	PreparePrefix = "prepare "
	AttemptInfix  = " attempt "
	Settle        = "settle"
	DeadLetter    = "dead_letter"
	ExtendLeases  = "extend_leases"
	Count         = "count"
)

// Attribute keys of the messaging conventions.
const (
	MessagingSystem     = attribute.Key("messaging.system")
	MessagingOperation  = attribute.Key("messaging.operation.name")
	MessagingType       = attribute.Key("messaging.operation.type")
	MessagingSource     = attribute.Key("messaging.destination.name")
	MessagingMessageID  = attribute.Key("messaging.message.id")
	MessagingBatchCount = attribute.Key("messaging.batch.message_count")
	ErrorType           = attribute.Key("error.type")
)

// Attribute keys of Ergon.
const (
	Task               = attribute.Key("ergon.task")
	Worker             = attribute.Key("ergon.worker")
	PhaseKey           = attribute.Key("ergon.phase")
	AttemptKey         = attribute.Key("ergon.attempt")
	Outcome            = attribute.Key("ergon.outcome")
	Category           = attribute.Key("ergon.category")
	DeliveryCount      = attribute.Key("ergon.delivery.count")
	FetchLimit         = attribute.Key("ergon.fetch.limit")
	MaxAttempts        = attribute.Key("ergon.policy.max_attempts")
	AttemptTimeout     = attribute.Key("ergon.policy.timeout_ms")
	TransactionTimeout = attribute.Key("ergon.policy.transaction_timeout_ms")
	Concurrency        = attribute.Key("ergon.policy.concurrency")
	BatchSize          = attribute.Key("ergon.policy.batch_size")
	Mode               = attribute.Key("ergon.policy.mode")
	Execution          = attribute.Key("ergon.policy.execution")
	Streaming          = attribute.Key("ergon.policy.streaming")
	ThrottleRate       = attribute.Key("ergon.policy.throttle_rate")
	ThrottleBurst      = attribute.Key("ergon.policy.throttle_burst")
	Result             = attribute.Key("ergon.result")
	State              = attribute.Key("ergon.state")
)

// SystemName is the value of messaging.system: the engine is the client library, whatever the broker.
const SystemName = "ergon"

// unitTransaction is the unit of what counts transactions.
const unitTransaction = "{transaction}"

// Instrument describes one metric.
type Instrument struct {
	Name, Unit, Description string
	// Buckets are the boundaries of a histogram; nil for other instruments.
	Buckets []float64
}

// DurationBuckets are the boundaries of the messaging conventions (0.005 to 10 s), with shorter ones for handlers that do
// not wait and longer ones for those that wait for people's systems.
func DurationBuckets() []float64 {
	return []float64{0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60}
}

// The metrics.
var (
	ProcessDuration = Instrument{
		Name: "messaging.process.duration", Unit: "s",
		Description: "From the start of a transaction's first attempt to the end of its lifecycle.", Buckets: DurationBuckets(),
	}
	OperationDuration = Instrument{
		Name: "messaging.client.operation.duration", Unit: "s",
		Description: "One fetch or settlement with its retries, or the preparing of one transaction.", Buckets: DurationBuckets(),
	}
	ConsumedMessages = Instrument{
		Name: "messaging.client.consumed.messages", Unit: "{message}", Description: "Transactions fetched.",
	}
	SentMessages = Instrument{
		Name: "messaging.client.sent.messages", Unit: "{message}", Description: "Transactions prepared, or given up.",
	}
	Transactions = Instrument{
		Name: "ergon.transactions", Unit: unitTransaction, Description: "Transactions that came to an end, by outcome.",
	}
	AttemptDuration = Instrument{
		Name: "ergon.attempt.duration", Unit: "s",
		Description: "One attempt, by phase and result.", Buckets: DurationBuckets(),
	}
	LateResults = Instrument{
		Name: "ergon.attempts.late", Unit: "{attempt}", Description: "Attempts that returned after they had been given up.",
	}
	DispatchDuplicates = Instrument{
		Name: "ergon.dispatch.duplicates", Unit: unitTransaction,
		Description: "Transactions dispatched that the sink knew already, with the same content.",
	}
	DispatchConflicts = Instrument{
		Name: "ergon.dispatch.conflicts", Unit: unitTransaction,
		Description: "Transactions dispatched that were not stored, because the sink knew their id with other content.",
	}
	DispatchDiverged = Instrument{
		Name: "ergon.dispatch.diverged", Unit: unitTransaction,
		Description: "Outputs that came out differently when their inbound transaction was processed again, and were stored as well.",
	}
	InFlight = Instrument{
		Name: "ergon.transactions.in_flight", Unit: unitTransaction, Description: "Transactions fetched and not ended.",
	}
	Waiting = Instrument{
		Name: "ergon.transactions.waiting", Unit: unitTransaction,
		Description: "Transactions in flight that wait for their next attempt, without a slot.",
	}
	OrderHeld = Instrument{
		Name: "ergon.order.held", Unit: unitTransaction,
		Description: "Transactions fetched that wait for others of their ordering key.",
	}
	Abandoned = Instrument{
		Name: "ergon.attempts.abandoned", Unit: "{attempt}", Description: "Attempts given up whose handler has not returned.",
	}
	ConcurrencyLimit = Instrument{
		Name: "ergon.concurrency.limit", Unit: unitTransaction, Description: "How many transactions may run at once now.",
	}
	QueueTransactions = Instrument{
		Name: "ergon.queue.transactions", Unit: unitTransaction, Description: "Transactions in the task's queue, by state.",
	}
	QueueOldestAge = Instrument{
		Name: "ergon.queue.oldest_age", Unit: "s", Description: "How long the transaction that waits longest has been ready.",
	}
	Outage = Instrument{
		Name: "ergon.outage", Unit: "1", Description: "1 while the loop is in outage mode.",
	}
)
