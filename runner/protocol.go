package runner

import (
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

// The orders of a supervisor to its worker process. The first is orderStart, then either orderRun or orderDiscard.
const (
	orderStart   = "start"   // open everything and make the task
	orderRun     = "run"     // run the loop; the control is in force before anything is fetched
	orderDiscard = "discard" // close everything without running the loop
	orderStop    = "stop"    // begin the shutdown
	orderForce   = "force"   // shorten it
	orderControl = "control" // run the loop as the control says; the answer is reportApplied
	orderWatch   = "watch"   // record successes too: a viewer is connected
	orderGrant   = "grant"   // the answer to reportWanted
)

// order is a message to a worker process.
type order struct {
	Type string `json:"type"`
	// Index is the worker's index among those of its task, from 0. With orderStart.
	Index int `json:"index,omitempty"`
	// Count asks for the number of transactions of the source. With orderStart.
	Count bool `json:"count,omitempty"`
	// Elapsed is how long ago the worker's first process began to run, for loop.timeout. With orderStart.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Left is how many transactions all workers together may still start, if there is a loop.limit. With orderStart and
	// orderGrant.
	Left int64 `json:"left,omitempty"`
	// Granted is how many transactions this process may start. With orderGrant.
	Granted int `json:"granted,omitempty"`
	// Cause is the reason of the shutdown. With orderStop.
	Cause string `json:"cause,omitempty"`
	// Control is how the loop is to run. With orderRun and orderControl.
	Control control `json:"control,omitzero"`
	// Change is the number of the control. With orderControl.
	Change uint64 `json:"change,omitempty"`
	// Successes is how many succeeded transactions to record. With orderWatch.
	Successes int `json:"successes,omitempty"`
}

// The reports of a worker process to its supervisor. The last is reportEnded.
const (
	reportHeartbeat = "heartbeat" // every 250 ms
	reportStarted   = "started"   // everything is open
	reportWanted    = "wanted"    // transactions are fetched and wait for orderGrant, if there is a loop.limit
	reportSettled   = "settled"   // transactions have an outcome, and are settled next
	reportApplied   = "applied"   // the control of an orderControl is in force
	reportEnded     = "ended"     // everything is closed, and the process is about to exit
)

// report is a message of a worker process.
type report struct {
	Type string `json:"type"`
	// Snapshot is that of the worker. With reportHeartbeat and reportEnded.
	Snapshot Snapshot `json:"snapshot,omitzero"`
	// Stalled names the part of the loop that is stuck. If it is not empty, the report does not count as a heartbeat. With
	// reportHeartbeat.
	Stalled string `json:"stalled,omitempty"`
	// Unhealthy are the components that cannot be used at the moment. With reportHeartbeat.
	Unhealthy []Unhealthy `json:"unhealthy,omitempty"`
	// Recorded are the transactions that were recorded since the last report. With reportHeartbeat and reportEnded.
	Recorded []observe.Transaction `json:"recorded,omitempty"`
	// Total is how many transactions the source has, -1 if that is unknown. With reportStarted.
	Total int64 `json:"total,omitempty"`
	// Once is set if no other process can continue what the worker does: it fetches nothing from a source that would deliver it
	// again. With reportStarted.
	Once bool `json:"once,omitempty"`
	// Wanted is how many transactions wait. With reportWanted.
	Wanted int `json:"wanted,omitempty"`
	// Outcome and Count are the outcome and how many transactions have it. With reportSettled.
	Outcome pipeline.Outcome `json:"outcome,omitempty"`
	Count   int64            `json:"count,omitempty"`
	// Change is that of the order. With reportApplied.
	Change uint64 `json:"change,omitempty"`
	// Failures are the errors of the worker. With reportEnded.
	Failures []failure `json:"failures,omitempty"`
}
