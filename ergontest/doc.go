// Package ergontest runs a task in a test as the engine runs it, with its real policies, on virtual time. Retries, hard timeouts,
// backoffs and redeliveries take no real time and are exact to the nanosecond.
//
//	rig := ergontest.NewRig(invoicing.New)
//	rig.Connectors["invoices"] = invoices // an *ergontest.Sink, or any fake
//	rig.Policy.Process.Retry.Timeout = 5 * time.Second
//	report := rig.Run(t, ergon.NewTransaction("order-1", order))
//
// A [Report] contains plain values, so a test compares them as it compares everything else. A [Sink] is a connector that keeps
// what it gets. A [Script] makes it, or a fake service, fail, be slow or hang. For sources with faults, package connector/memory
// has queues that a rig and the engine can use. Package connectortest tests connectors.
package ergontest
