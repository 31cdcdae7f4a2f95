package spool_test

import (
	"path/filepath"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest/connectortest"
	"github.com/ergon-go/ergon/examples/spool"
)

// Virtual: it waits for nothing, and its delays are times of the bubble. After Restart the first queue is left as a kill leaves it.
func TestQueueKeepsTheRulesOfConnectors(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
			t.Helper()
			path := filepath.Join(t.TempDir(), "spool.json")
			return connectortest.Store{
				Connector: spool.New(path),
				Another:   func() any { return spool.New(path) },
				Restart:   func() {},
				Refused:   func() ergon.Transaction { return ergon.NewTransaction("refused", 1) },
			}
		},
		Virtual: true,
	})
}
