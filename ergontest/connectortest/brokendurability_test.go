package connectortest_test

import (
	"context"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// restartable is a harness for queues that a restart does something to.
func restartable(settings memory.Settings, restart, breakIt func(q *queue)) connectortest.Harness {
	return connectortest.Harness{
		New: func(*testing.T, []ergon.Transaction) connectortest.Store {
			q := &queue{LeasedQueue: memory.NewLeased(settings, time.Minute)}
			breakIt(q)
			return connectortest.Store{Connector: q, Another: func() any { return q }, Restart: func() { restart(q) }}
		},
		Virtual: true, Shared: true,
	}
}

func sound(*queue) {}

// dropAll acknowledges everything that the queue still has.
func dropAll(q *queue) {
	q.Restart()
	batch, _ := q.LeasedQueue.FetchTransactions(context.Background(), 100)
	settlements := make([]capability.Settlement, len(batch))
	for i, tx := range batch {
		settlements[i].Transaction = tx
	}
	_ = q.LeasedQueue.SettleTransactions(context.Background(), settlements)
}

// [K6] A queue that is what it declares keeps the rules of both kinds.
func TestSoundRestartBreaksNoRule(t *testing.T) {
	for _, settles := range []capability.Certainty{"", capability.SettlesConfirmed, capability.SettlesSent} {
		h := restartable(memory.Settings{Settles: settles}, func(q *queue) { q.Restart() }, sound)
		for rule, failures := range connectortest.Violations(t, h) {
			t.Errorf("settles %q: %s: %q", settles, rule, failures)
		}
	}
}

// [K6] A connector that declares more than it keeps is caught.
func TestBrokenDurabilityIsCaught(t *testing.T) {
	restart := func(q *queue) { q.Restart() }
	for name, c := range map[string]struct {
		rule    string
		harness connectortest.Harness
	}{
		"declares confirmed, and only sends": {
			"ConfirmedSettlementIsDurable", restartable(memory.Settings{Settles: capability.SettlesSent}, restart, func(q *queue) {
				q.declare = func() capability.Declaration { return capability.Declaration{Settles: capability.SettlesConfirmed} }
			}),
		},
		"loses what was in flight": {"ConfirmedSettlementIsDurable", restartable(memory.Settings{}, dropAll, sound)},
		"only sends, and loses what was in flight": {
			"SentSettlementIsAtMostRepeated", restartable(memory.Settings{Settles: capability.SettlesSent}, dropAll, sound),
		},
		"knows deliveries by the ids of transactions": {
			"EarlierConnectionSettlesNothing", restartable(memory.Settings{}, restart, staleTakesEffect),
		},
	} {
		t.Run(name, func(t *testing.T) { violated(t, c.harness, c.rule) })
	}
}
