package postgres_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/postgres"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// maxPayload is what the queues under test take.
const maxPayload = 1000

// conforming makes queues that wait a little for what comes, so that closing one has a fetch to end.
func conforming(name string, change func(*postgres.QueueSettings)) func(*postgres.QueueSettings) {
	return func(s *postgres.QueueSettings) {
		s.Queue, s.MaxWait, s.MaxPayloadBytes, s.MaxDeliveries, s.RetainSettled = name, 20*time.Millisecond, maxPayload, 0, time.Hour
		s.Lease, s.Notify = postgres.DefaultQueueConfig().Lease, false
		change(s)
	}
}

func tooLarge() ergon.Transaction {
	return ergon.NewTransaction("large", append(bytes.Repeat([]byte(" "), maxPayload), "{}"...))
}

// [I2] [I4] With deduplication and without.
func TestQueueKeepsTheRulesOfConnectors(t *testing.T) {
	for name, change := range map[string]func(*postgres.QueueSettings){
		"deduplicating":         asItIs,
		"conflicts are errors":  func(s *postgres.QueueSettings) { s.OnConflict = capability.ConflictError },
		"without deduplication": func(s *postgres.QueueSettings) { s.Dedup = false },
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
					t.Helper()
					b := newBench(t)
					connect := func() any { return b.newQueue(t, conforming("jobs", change)) }
					return connectortest.Store{
						Connector: connect(), Another: connect, OtherQueue: func() any { return b.newQueue(t, conforming("claims", change)) },
						Refused: tooLarge, Restart: func() { b.restart(t) }, Pass: func(d time.Duration) { b.advance(t, d) },
					}
				},
				Shared: true,
			})
		})
	}
}

func asItIs(*postgres.QueueSettings) {}

func TestDeadLettersKeepTheRulesOfConnectors(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
			t.Helper()
			b := newBench(t)
			connect := func() any { return b.newDeadLetters(t) }
			return connectortest.Store{
				Connector: connect(), Another: connect, OtherQueue: func() any { return b.newQueue(t, conforming("jobs", asItIs)) },
				Restart: func() { b.restart(t) },
				Pass:    func(d time.Duration) { b.advance(t, d) },
				Refused: func() ergon.Transaction { return ergon.NewTransaction("no letter", []byte(`{}`)) },
			}
		},
		Shared: true,
	})
}
