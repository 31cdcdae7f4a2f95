package runner

import (
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

// What a supervisor tells its worker process. The first is orderStart.
const (
	orderStart   = "start"   // open everything and make the task
	orderRun     = "run"     // run the loop, as the control says; that is in force before anything is fetched
	orderDiscard = "discard" // close everything without running
	orderStop    = "stop"    // begin the shutdown
	orderForce   = "force"   // cut it short
	orderControl = "control" // run as somebody says now; reportApplied answers it
	orderWatch   = "watch"   // somebody watches
	orderGrant   = "grant"   // the answer to reportWanted
)

// order is a message to a worker process.
type order struct {
	Do string `json:"do"`
	// Index is which of its task's workers the process is, from 0. With orderStart, as all that follows.
	Index int `json:"index,omitempty"`
	// Left is how many transactions all workers together may still start, where loop.limit bounds them. With orderStart and
	// orderGrant.
	Left int64 `json:"left,omitempty"`
	// Granted is how many this one may start, with orderGrant.
	Granted int `json:"granted,omitempty"`
	// Elapsed is how long ago the first of them began, for loop.timeout.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Count asks how many transactions the source has.
	Count bool `json:"count,omitempty"`
	// Cause is why, with orderStop.
	Cause string `json:"cause,omitempty"`
	// Control is how to run, with orderRun and orderControl.
	Control control `json:"control,omitzero"`
	// Change is the number of the change that made it so, with orderControl.
	Change uint64 `json:"change,omitempty"`
	// Successes are how many transactions that succeed are to be recorded, with orderWatch.
	Successes int `json:"successes,omitempty"`
}

// What a worker process tells its supervisor. The last is reportEnded.
const (
	reportBeat    = "beat"    // a sign of life, with how far it is
	reportStarted = "started" // everything is open
	reportWanted  = "wanted"  // transactions were fetched and wait for orderGrant, where loop.limit bounds them
	reportSettled = "settled" // transactions came to an outcome, of which their source is told next
	reportApplied = "applied" // the control of an orderControl is in force
	reportEnded   = "ended"   // everything is closed, and the process is about to end
)

// report is a message of a worker process.
type report struct {
	Say      string   `json:"say"`
	Snapshot Snapshot `json:"snapshot,omitzero"`
	// Stalled names what of the loop stands still: then it is no sign of life.
	Stalled string `json:"stalled,omitempty"`
	// Total is how many transactions there are, -1 where the source cannot tell. With reportStarted.
	Total int64 `json:"total,omitempty"`
	// Once is set where no other process can go on with what the worker does: it takes nothing from a source that would deliver
	// again. With reportStarted.
	Once bool `json:"once,omitempty"`
	// Wanted is how many. With reportWanted.
	Wanted int `json:"wanted,omitempty"`
	// Outcome and Count are which and how many. With reportSettled.
	Outcome pipeline.Outcome `json:"outcome,omitempty"`
	Count   int64            `json:"count,omitempty"`
	// Change is the number of the order's change. With reportApplied.
	Change uint64 `json:"change,omitempty"`
	// Recorded are the last transactions that were, since the report before. With reportBeat and reportEnded.
	Recorded []observe.Transaction `json:"recorded,omitempty"`
	// Failures are what it ended with. With reportEnded.
	Failures []failure `json:"failures,omitempty"`
}
