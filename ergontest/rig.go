package ergontest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Rig runs transactions through a task. Make one with [NewRig] or [RigOf], change what should be different, run it. A run
// makes the task anew and changes nothing of the rig.
type Rig struct {
	// Name is the task's name in spans, log lines and dead letters. Default "task".
	Name string
	// New makes the task, from Connectors and Services, inside the bubble of virtual time.
	New func(*ergon.Dependencies) ergon.Task
	// Connectors and Services are what the task asks for by name. Those that are an ergon.Opener or ergon.Closer are opened
	// and closed as a worker does. A fake that waits with channels or timers makes them when it is opened or called, which is
	// inside the bubble. Default none.
	Connectors, Services map[string]any
	// Policy is what the task is run by: the default policy, to be changed, or that of a configuration. Three things in it
	// do not hold. Jitter is left out, so that every delay is exact; the loop is not streaming, so that it ends; and no time
	// is lost to polling, so that what is due is delivered at that moment.
	Policy policy.Consumer
	// Producer is what the transactions are prepared by that a task produces, alone or as a hybrid; without jitter as well.
	// Default policy.DefaultProducer.
	Producer policy.Producer
	// Shutdown is how a stop goes, for tests that end the context of [Rig.RunInBubble]. Default policy.DefaultShutdown.
	Shutdown policy.Shutdown
	// MaxDeliveries is how often a transaction is delivered at most that is requeued each time. Default 1: what is requeued
	// stays so.
	MaxDeliveries int
	// Source, where set, is fetched from in place of what a run is given: a queue of connector/memory with a script of
	// faults, say. It is opened and closed like a connector. MaxDeliveries is its own then, and so are its settlements: the
	// report has none. Default nil.
	Source ergon.Fetcher
}

// NewRig returns a rig for the task that construct makes, with the default policies and nothing connected.
func NewRig(construct func(*ergon.Dependencies) ergon.Task) *Rig {
	return &Rig{
		Name: "task", New: construct, Connectors: map[string]any{}, Services: map[string]any{},
		Policy: policy.DefaultConsumer(), Producer: policy.DefaultProducer(), Shutdown: policy.DefaultShutdown(), MaxDeliveries: 1,
	}
}

// RigOf returns a rig for a task that is made already.
func RigOf(task ergon.Task) *Rig {
	return NewRig(func(*ergon.Dependencies) ergon.Task { return task })
}

// Run delivers transactions to the task, in this order, and returns when each has come to its end and is settled. A task that
// only produces prepares them; given none it produces its own. An Execute of the task is not called.
//
// It opens a bubble of virtual time ([synctest.Test]), which also fails the test where a goroutine of the task never ends. What
// keeps the task from running at all fails the test at once, with all faults.
func (r *Rig) Run(t *testing.T, transactions ...ergon.Transaction) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(t *testing.T) { report = r.RunInBubble(t.Context(), t, transactions...) })
	return report
}

// RunInBubble is Run for a test that is in a bubble already, because it does something at a certain moment while the task
// runs. Where ctx ends, the shutdown begins that the rig's Shutdown describes.
func (r *Rig) RunInBubble(ctx context.Context, tb testing.TB, transactions ...ergon.Transaction) Report {
	tb.Helper()
	run := &run{rig: r, begin: time.Now()}
	report, err := run.do(ctx, transactions)
	if err != nil {
		tb.Fatalf("ergontest: %v", err)
	}
	return report
}
