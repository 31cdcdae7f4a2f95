// Package connectortest has the rules that the engine relies on and that every connector must pass. Each rule is a subtest. If it
// fails, it says why the rule exists.
//
//	connectortest.Run(t, connectortest.Harness{
//		New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
//			return connectortest.Store{Connector: myqueue.New(t.TempDir())}
//		},
//	})
//
// The suite finds out what a connector can do by its interfaces, as the engine does, and skips the rules for other interfaces. If
// a connector has an interface but does not do all of it (it does not count deliveries, or has no place for metadata), the
// Harness says so. Without such a declaration the strict rule applies.
package connectortest
