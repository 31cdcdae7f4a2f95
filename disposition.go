package ergon

import "time"

// Disposition is what an exception handler wants done with a failed transaction. The zero value leaves it to the policy.
type Disposition struct {
	kind  string
	after time.Duration
}

// DeadLetter writes the transaction to the dead-letter connector, with the reason.
func DeadLetter() Disposition { return Disposition{kind: "dead_letter"} }

// Discard acknowledges the transaction: it is gone.
func Discard() Disposition { return Disposition{kind: "discard"} }

// Requeue gives the transaction back to its source, to be delivered again after the delay.
func Requeue(after time.Duration) Disposition {
	return Disposition{kind: "requeue", after: max(after, 0)}
}

// String returns dead_letter, discard, requeue, or "" for the zero value.
func (d Disposition) String() string { return d.kind }

// Delay is how long a requeued transaction is held back.
func (d Disposition) Delay() time.Duration { return d.after }
