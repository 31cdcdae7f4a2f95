package pipeline

import "github.com/ergon-go/ergon"

// deliveryBatch is the deliveries of one fetch. They refer to the transactions that the source returned, which never change.
type deliveryBatch struct {
	transactions []ergon.Transaction
	all          []delivery
	left         int // not settled
}

// delivery is an entry of the table. deliveries.mu guards it; batch, tx, window and position never change.
type delivery struct {
	batch    *deliveryBatch
	tx       *ergon.Transaction
	window   *window // nil: the source does not settle in order
	position int64
	flight   *flight // nil until the fetch is accepted
	stage    deliveryStage
	fate     deliveryFate
}

// deliveryStage is how far a delivery has come, as the table sees it.
type deliveryStage uint8

const (
	stageHeld     deliveryStage = iota // fetched, and not ended
	stageEnded                         // waits for its turn in its partition
	stageReady                         // its turn has come; the settler has it
	stageSettling                      // the source is being told
	stageGone                          // left the table
)

// deliveryFate is what must not happen to a delivery any more.
type deliveryFate uint8

const (
	fateOpen    deliveryFate = iota
	fateFenced               // the source has taken it back: nothing of it is settled
	fateDropped              // the loop has given it up: likewise, and the source does not know
)

// isOpen reports whether e may still be settled.
func isOpen(e *delivery) bool { return e.fate == fateOpen && e.stage != stageGone }

// isLive reports whether e may still be settled, or is being settled: also one that was lost during the call.
func isLive(e *delivery) bool { return isOpen(e) || isSettling(e) }

// isSettling reports whether the source is being told of e.
func isSettling(e *delivery) bool { return e.stage == stageSettling }
