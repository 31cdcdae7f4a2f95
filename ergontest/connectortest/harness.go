package connectortest

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
)

// Harness says how connectors under test are made, and which rules do not hold for them.
type Harness struct {
	// New makes a store of its own for each rule, and a connector to it. A connector that is no ergon.Dispatcher has no other
	// way to get something: its store holds what is given, in that order. Required.
	New func(t *testing.T, holds []ergon.Transaction) Store
	// Virtual has each rule run in a bubble of virtual time (testing/synctest). It is for connectors that wait by timers and
	// channels only, and read no other clock.
	Virtual bool

	// Finite is a source that ends by ergon.ErrExhausted once it holds nothing.
	Finite bool
	// Shared is a store to which several connectors may be open at once.
	Shared bool
	// Unordered is a source that does not keep to the order of dispatch.
	Unordered bool
	// OwnIDs is a source that makes the ids, in place of those that were dispatched.
	OwnIDs bool
	// NoMetadata is a connector without a place for metadata.
	NoMetadata bool
	// Uncounted is a source that does not count deliveries.
	Uncounted bool
	// NoReject is a source without a place for what is rejected. It refuses with an error that wraps errors.ErrUnsupported.
	NoReject bool
	// LooksOnly is an capability.Resolver that delivers nothing: what it returns stays in the source, whatever is settled.
	LooksOnly bool
}

// Store is where a connector keeps what it holds, and the ways to it.
type Store struct {
	// Connector is the connector under test, not opened yet. Required.
	Connector any
	// Another returns one more connector to the same store, not opened yet. The suite uses it after Connector was closed, or
	// at the same time where Harness.Shared is set. Nil: nothing outlives Connector.
	Another func() any
	// Beside returns a queue beside Connector in the same store, not opened yet: where a hop of a capability.Hopper goes, or
	// where the letters of a deadletter.Store come from. It fetches, dispatches and settles. Nil: there is none, and rules
	// that need one are skipped.
	Beside func() any
	// Written returns what is durable in a store that nothing can be fetched from. Nil: what was dispatched is fetched or
	// listed again.
	Written func() ([]ergon.Transaction, error)
	// Refused returns a transaction that an ergon.Dispatcher cannot take: too large, or a payload that does not encode. Nil:
	// there is none.
	Refused func() ergon.Transaction
	// Pass lets time pass on the clock that the store has for leases and delays. Nil: it is the machine's, or that of the
	// bubble, and the suite sleeps, so that leases should be short.
	Pass func(d time.Duration)
}

// Run checks every rule that applies to the connector, each in a subtest. A rule that fails says what it saw and why the
// engine relies on it.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			v := h.check(t, r)
			for _, failure := range v.failures {
				t.Error(failure)
			}
			if len(v.failures) > 0 {
				t.Logf("Why this rule exists: %s", r.why)
			}
			if v.skipped != "" {
				t.Skip(v.skipped)
			}
		})
	}
}
