package observe

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Transaction is one delivery of a transaction with its attempts and its outcome.
type Transaction struct {
	// Seq is its number in the recorder, from 1.
	Seq uint64 `json:"seq"`
	// ID is the id of the transaction, the same for all deliveries.
	ID     string `json:"id"`
	Task   string `json:"task"`
	Worker string `json:"worker"`
	// Began is when the first attempt started.
	Began time.Time `json:"began"`
	// Took is from there to the end of the last attempt.
	Took time.Duration `json:"took_ns"`
	// Outcome is its name in metrics, spans and summaries.
	Outcome string `json:"outcome"`
	// Category, Phase and Error say why it failed; they are empty if it did not.
	Category string       `json:"category,omitempty"`
	Phase    policy.Phase `json:"phase,omitempty"`
	Error    string       `json:"error,omitempty"`
	// TraceID is the trace id of its span; "" if none is recorded.
	TraceID string `json:"trace_id,omitempty"`
	// Deliveries is how often its source had delivered it; 0 if the source does not count.
	Deliveries int `json:"deliveries,omitempty"`
	// EnqueuedAt is when it entered its source; zero if the source does not know.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	// Attempts are in the order of their starts. If there are very many, it has the most recent, and Omitted counts the others.
	Attempts []Attempt `json:"attempts"`
	Omitted  int       `json:"omitted,omitempty"`
	// Settled is how it was settled; nil if there was nothing to settle.
	Settled *Settlement `json:"settled,omitempty"`
	// Metadata is the metadata of the transaction.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Payload is the beginning of the payload as it was fetched. It is "" unless the recorder keeps payloads.
	Payload string `json:"payload,omitempty"`
}

// Attempt is one call of a handler.
type Attempt struct {
	Phase policy.Phase `json:"phase"`
	// Number is counted from 1 in each phase.
	Number int `json:"number"`
	// Start is the time since the start of the first attempt.
	Start time.Duration `json:"start_ns"`
	Took  time.Duration `json:"took_ns"`
	// Result is "ok", or the event of the lifecycle: business, permanent, system, timeout, out_of_time, interrupted,
	// lease_lost.
	Result string `json:"result"`
	// Error is the text of its error.
	Error string `json:"error,omitempty"`
}

// OK reports whether the attempt succeeded.
func (a Attempt) OK() bool { return a.Result == "ok" }

// Settlement describes the settlement of a transaction, in one call with others.
type Settlement struct {
	// Action is ack, requeue or reject.
	Action string `json:"action"`
	// DeadLetter is set if it was written to the dead-letter connector before.
	DeadLetter bool `json:"dead_letter,omitempty"`
	// Delay is the delay until the next delivery, if it is requeued.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Start is the time since the start of the first attempt. Took is the duration of the call for the whole batch.
	Start time.Duration `json:"start_ns"`
	Took  time.Duration `json:"took_ns"`
}

// End returns the time from the start of the first attempt to the end of the last attempt or of the settlement.
func (t Transaction) End() time.Duration {
	if t.Settled == nil {
		return t.Took
	}
	return max(t.Took, t.Settled.Start+t.Settled.Took)
}
