package ergon

import "time"

// Disposition is the decision of an exception handler about a failed transaction. The zero value leaves the decision to the
// policy.
type Disposition struct {
	kind  string
	after time.Duration
}

// DeadLetter writes the transaction and the reason to the dead-letter connector, and then acknowledges it.
func DeadLetter() Disposition { return Disposition{kind: "dead_letter"} }

// Discard acknowledges the transaction. It is not stored anywhere.
func Discard() Disposition { return Disposition{kind: "discard"} }

// Requeue returns the transaction to its source, which delivers it again after the delay. A negative delay means 0.
func Requeue(after time.Duration) Disposition {
	return Disposition{kind: "requeue", after: max(after, 0)}
}

// String returns dead_letter, discard, requeue, or "" for the zero value.
func (d Disposition) String() string { return d.kind }

// Delay is the minimum time before a requeued transaction is delivered again.
func (d Disposition) Delay() time.Duration { return d.after }
