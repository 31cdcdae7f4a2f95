package memory_test

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

// Capabilities are found by type assertion, so a queue without leases must not look like one that has them.
func TestOnlyQueuesWithLeasesKeepLeases(t *testing.T) {
	leased := memory.NewLeased(memory.Settings{}, time.Minute)
	for name, c := range map[string]struct {
		connector any
		leases    bool
	}{
		"queue":               {newQueue(0), false},
		"leased queue":        {leased, true},
		"faulty queue":        {memory.WithFaults(newQueue(0)), false},
		"faulty leased queue": {memory.WithLeaseFaults(leased), true},
		"generator":           {memory.NewGenerator(0, nil), false},
	} {
		keeper, ok := c.connector.(capability.LeaseKeeper)
		if ok != c.leases {
			t.Errorf("%s: is a LeaseKeeper: got %v, want %v", name, ok, c.leases)
		}
		if ok && keeper.LeaseDuration() != time.Minute {
			t.Errorf("%s: got a lease of %v, want 1m", name, keeper.LeaseDuration())
		}
	}
}

func TestEveryQueueHasEveryOtherCapability(t *testing.T) {
	type full interface {
		ergon.Fetcher
		ergon.Dispatcher
		capability.Settler
		capability.Resolver
		capability.Counter
		ergon.Opener
		ergon.Closer
	}
	leased := memory.NewLeased(memory.Settings{}, time.Minute)
	for _, connector := range []any{newQueue(0), leased, memory.WithFaults(newQueue(0)), memory.WithLeaseFaults(leased)} {
		if _, ok := connector.(full); !ok {
			t.Errorf("%T lacks a capability of a queue", connector)
		}
	}
}
