package connectortest

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
)

// Harness makes the connectors under test, and declares which rules do not apply to them.
type Harness struct {
	// New makes a new store for each rule, and a connector to it. If the connector is no ergon.Dispatcher, the store already
	// contains holds, in that order. Required.
	New func(t *testing.T, holds []ergon.Transaction) Store
	// Virtual runs each rule in a bubble of virtual time (testing/synctest). It is for connectors that wait only with timers and
	// channels, and read no other clock.
	Virtual bool

	// Finite is for a source that returns ergon.ErrExhausted when it is empty.
	Finite bool
	// Shared is for a store that several connectors may have open at the same time.
	Shared bool
	// Unordered is for a source that does not keep the order of dispatch.
	Unordered bool
	// OwnIDs is for a source that replaces the ids of dispatched transactions by its own.
	OwnIDs bool
	// NoMetadata is for a connector that does not store metadata.
	NoMetadata bool
	// Uncounted is for a source that does not count deliveries.
	Uncounted bool
	// NoReject is for a source that cannot store rejected transactions. It returns an error that wraps errors.ErrUnsupported.
	NoReject bool
	// ReadOnly is for a capability.Resolver that delivers nothing: a transaction that it returns stays in the source, even if it
	// is settled.
	ReadOnly bool
}

// Store is the store of a connector, and gives the suite access to it.
type Store struct {
	// Connector is the connector under test, not opened yet. Required.
	Connector any
	// Another returns one more connector to the same store, not opened yet. The suite uses it after Connector was closed, or at the
	// same time if Harness.Shared is set. Nil: the store ends with Connector.
	Another func() any
	// OtherQueue returns another queue in the same store, not opened yet. It is the destination of a hop of a capability.Hopper, or the
	// source of the letters of a deadletter.Store. It fetches, dispatches and settles. Nil: the suite skips the rules that need it.
	OtherQueue func() any
	// Written returns the durable content of a store from which nothing can be fetched. Nil: the suite fetches or lists what was
	// dispatched.
	Written func() ([]ergon.Transaction, error)
	// Refused returns a transaction that an ergon.Dispatcher cannot accept: too large, or with a payload that cannot be encoded.
	// Nil: there is none.
	Refused func() ergon.Transaction
	// Restart does to the store what a kill of this process and a failure of the server do, without closing the connector: what is
	// not durable is gone. The suite continues with Another. Nil: the suite skips the rules that need it.
	Restart func()
	// Pass advances the clock that the store uses for leases and delays. Nil: that clock is the machine's or the bubble's, and the
	// suite sleeps, so leases should be short.
	Pass func(d time.Duration)
}

// Run checks every rule that applies to the connector, each in a subtest.
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
