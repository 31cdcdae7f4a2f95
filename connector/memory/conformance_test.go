package memory_test

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// in returns a store that is queue itself: whoever opens it next continues with what is in it.
func in(queue interface{ Restart() }) connectortest.Store {
	return connectortest.Store{Connector: queue, Another: func() any { return queue }, Restart: queue.Restart}
}

func TestQueueKeepsTheRulesOfConnectors(t *testing.T) {
	for name, settings := range map[string]memory.Settings{
		"at once": {}, "waiting": {MaxWait: time.Second}, "finite": {Finite: true}, "bounded": {Capacity: 1000},
		"held for a while": {MaxHold: 5 * time.Minute},
		"unconfirmed":      {Settles: capability.SettlesSent}, "on one connection": {Fences: capability.FenceConnection},
		"deduplicating": {Dedup: true, DedupWindow: time.Minute}, "strict": {Dedup: true, OnConflict: capability.ConflictError},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New:     func(*testing.T, []ergon.Transaction) connectortest.Store { return in(memory.New(settings)) },
				Virtual: true, Shared: true, Finite: settings.Finite,
			})
		})
	}
}

func TestLeasedQueueKeepsTheRulesOfConnectors(t *testing.T) {
	for name, settings := range map[string]memory.Settings{
		"at once": {}, "waiting": {MaxWait: time.Second}, "says when": {SaysExpiry: true},
		"held for a while": {SaysExpiry: true, MaxHold: 5*time.Minute + 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(*testing.T, []ergon.Transaction) connectortest.Store {
					return in(memory.NewLeased(settings, time.Minute))
				},
				Virtual: true, Shared: true,
			})
		})
	}
}

// [K4] Each is a consumer of the same queue.
func TestPushedQueueKeepsTheRulesOfConnectors(t *testing.T) {
	for name, settings := range map[string]memory.Settings{"at once": {}, "waiting": {MaxWait: time.Second}} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(*testing.T, []ergon.Transaction) connectortest.Store {
					queue := memory.New(settings)
					connect := func() any { return memory.NewPushed(queue) }
					return connectortest.Store{Connector: connect(), Another: connect, Restart: queue.Restart}
				},
				Virtual: true, Shared: true,
			})
		})
	}
}
