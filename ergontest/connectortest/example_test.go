package connectortest_test

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// A connector's own test: a queue with leases that lives in a bubble of virtual time.
func ExampleRun() { //nolint:testableexamples // what it shows is the body of a test, which TestExampleOfTheSuite runs
	t := exampleT // func TestQueueKeepsTheRulesOfConnectors(t *testing.T)

	connectortest.Run(t, connectortest.Harness{
		New: func(*testing.T, []ergon.Transaction) connectortest.Store {
			queue := memory.NewLeased(memory.Settings{}, time.Minute)
			return connectortest.Store{Connector: queue, Another: func() any { return queue }}
		},
		Virtual: true, Shared: true,
	})
}
