package ergontest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Rig runs transactions through a task. Make one with NewRig or RigOf, change its fields, and run it. Every run makes the
// task again and changes nothing in the rig. A rig is not safe for concurrent use.
type Rig struct {
	// Name is the task's name in spans, log lines and dead letters. Default "task".
	Name string
	// New makes the task from Connectors and Services, in the bubble of virtual time.
	New func(*ergon.Dependencies) ergon.Task
	// Connectors and Services are what the task asks for, by name. An ergon.Opener or ergon.Closer is opened and closed as a worker
	// does it. A fake that waits with channels or timers must make them when it is opened or called, so that they belong to the
	// bubble. Default none.
	Connectors, Services map[string]any
	// Policy is the policy of the task: the default, or that of a configuration, with your changes. The rig ignores three parts of
	// it. There is no jitter, so every delay is exact. The loop is not streaming, so it ends. The loop does not wait between polls,
	// so a transaction is delivered at the moment when it is due.
	Policy policy.Consumer
	// Producer is the policy for the transactions that the task produces, alone or as a hybrid, without jitter. Default
	// policy.DefaultProducer().
	Producer policy.Producer
	// Shutdown applies if a test ends the context of [Rig.RunInBubble]. Default policy.DefaultShutdown().
	Shutdown policy.Shutdown
	// MaxDeliveries is the maximum number of deliveries of a transaction that is requeued each time. Default 1: a requeued
	// transaction is not delivered again.
	MaxDeliveries int
	// Source, if set, replaces the transactions of a run as the source, for instance a queue of connector/memory with a script of
	// faults. It is opened and closed like a connector. MaxDeliveries does not apply to it, and the report has none of its
	// settlements. Default nil.
	Source ergon.Fetcher
}

// NewRig returns a rig for the task that construct makes, with the default policies and nothing connected.
func NewRig(construct func(*ergon.Dependencies) ergon.Task) *Rig {
	return &Rig{
		Name: "task", New: construct, Connectors: map[string]any{}, Services: map[string]any{},
		Policy: policy.DefaultConsumer(), Producer: policy.DefaultProducer(), Shutdown: policy.DefaultShutdown(), MaxDeliveries: 1,
	}
}

// RigOf returns a rig for a task that exists already.
func RigOf(task ergon.Task) *Rig {
	return NewRig(func(*ergon.Dependencies) ergon.Task { return task })
}

// Run delivers transactions to the task in this order, and returns when each has ended and is settled. A task that only produces
// prepares them; without transactions it produces its own. Run does not call an Execute of the task.
//
// Run opens a bubble of virtual time (synctest.Test). It fails the test if a goroutine of the task never ends. If the task cannot
// run at all, Run fails the test at once, with all faults.
func (r *Rig) Run(t *testing.T, transactions ...ergon.Transaction) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(t *testing.T) { report = r.RunInBubble(t.Context(), t, transactions...) })
	return report
}

// RunInBubble is Run for a test that has opened the bubble itself. Such a test can act at a certain moment while the task runs.
// If ctx ends, the run shuts down as the rig's Shutdown says.
func (r *Rig) RunInBubble(ctx context.Context, tb testing.TB, transactions ...ergon.Transaction) Report {
	tb.Helper()
	run := &run{rig: r, begin: time.Now()}
	report, err := run.do(ctx, transactions)
	if err != nil {
		tb.Fatalf("ergontest: %v", err)
	}
	return report
}
