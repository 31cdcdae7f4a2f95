package observe

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Transaction is what became of one delivery of a transaction.
type Transaction struct {
	// Seq numbers what a recorder keeps, from 1.
	Seq uint64 `json:"seq"`
	// ID is the transaction's own, the same over all deliveries.
	ID     string `json:"id"`
	Task   string `json:"task"`
	Worker string `json:"worker"`
	// Began is when the first attempt started.
	Began time.Time `json:"began"`
	// Took is from there to the end of the last attempt.
	Took time.Duration `json:"took_ns"`
	// Outcome is the word that metrics, spans and summaries use.
	Outcome string `json:"outcome"`
	// Category, Phase and Error say why it failed; empty where it did not.
	Category string       `json:"category,omitempty"`
	Phase    policy.Phase `json:"phase,omitempty"`
	Error    string       `json:"error,omitempty"`
	// TraceID is that of its span; empty where none is recorded.
	TraceID string `json:"trace_id,omitempty"`
	// Deliveries is how often its source had delivered it; 0 where it does not count.
	Deliveries int `json:"deliveries,omitempty"`
	// EnqueuedAt is when it entered its source; zero where that does not know.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	// Attempts are in the order of their starts, the most recent of a very long list only; Omitted says how many are missing.
	Attempts []Attempt `json:"attempts"`
	Omitted  int       `json:"omitted,omitempty"`
	// Settled is how it was settled, nil where there was nothing to settle.
	Settled *Settlement `json:"settled,omitempty"`
	// Metadata is that of the transaction.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Payload is the beginning of the payload as it was fetched, JSON where it is JSON. It is "" unless the recorder was told
	// to keep payloads.
	Payload string `json:"payload,omitempty"`
}

// Attempt is one call of a handler.
type Attempt struct {
	Phase policy.Phase `json:"phase"`
	// Number is counted from 1 in each phase.
	Number int `json:"number"`
	// Start is counted from the first attempt's start.
	Start time.Duration `json:"start_ns"`
	Took  time.Duration `json:"took_ns"`
	// Result is "ok" or what the lifecycle calls the event: business, permanent, system, timeout, out_of_time, interrupted,
	// lease_lost.
	Result string `json:"result"`
	// Error is the text of what it failed with.
	Error string `json:"error,omitempty"`
}

// OK reports whether the attempt succeeded.
func (a Attempt) OK() bool { return a.Result == "ok" }

// Settlement is how what became of a transaction was made durable, together with others.
type Settlement struct {
	// Action is ack, requeue or reject.
	Action string `json:"action"`
	// DeadLetter is set where it was written to the dead-letter connector before.
	DeadLetter bool `json:"dead_letter,omitempty"`
	// Delay is after which it is delivered again, where it is requeued.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Start is counted from the first attempt's start, Took is that of the whole batch.
	Start time.Duration `json:"start_ns"`
	Took  time.Duration `json:"took_ns"`
}

// End is when all was over, counted from the first attempt's start.
func (t Transaction) End() time.Duration {
	if t.Settled == nil {
		return t.Took
	}
	return max(t.Took, t.Settled.Start+t.Settled.Took)
}
