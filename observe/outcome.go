package observe

import "strconv"

// Outcome is the outcome of a transaction, as statistics count it.
type Outcome uint8

// The outcomes.
const (
	Succeeded Outcome = iota
	DeadLettered
	Requeued
	Discarded
	HandlerFailed
	Interrupted
	Redelivered
	Failed // of a transaction that was given, not fetched: there is nothing to settle
)

// String returns the name in metrics, spans and summaries.
func (o Outcome) String() string {
	words := [...]string{
		"succeeded", "dead_lettered", "requeued", "discarded", "handler_failed", "interrupted", "redelivered", "failed",
	}
	if int(o) >= len(words) {
		return "outcome(" + strconv.Itoa(int(o)) + ")"
	}
	return words[o]
}
