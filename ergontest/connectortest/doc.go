// Package connectortest is what every connector must pass: the rules that the engine relies on, each a subtest that says
// why it exists when it fails.
//
//	connectortest.Run(t, connectortest.Harness{
//		New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
//			return connectortest.Store{Connector: myqueue.New(t.TempDir())}
//		},
//	})
//
// What a connector can do is found out by the interfaces that it has, as the engine does it; rules about others are
// skipped. What it does not do although it has the interface (count deliveries, keep metadata) is declared in the
// [Harness]: without a declaration the strict rule holds.
package connectortest
