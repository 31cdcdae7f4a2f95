// Package ergontest runs a task in a test as the engine runs it, with its real policies, on virtual time: retries, hard
// timeouts, backoffs and redeliveries take no time and are exact to the nanosecond.
//
//	rig := ergontest.NewRig(invoicing.New)
//	rig.Connectors["invoices"] = invoices // an *ergontest.Sink, or any fake
//	rig.Policy.Process.Retry.Timeout = 5 * time.Second
//	report := rig.Run(t, ergon.NewTransaction("order-1", order))
//
// A [Report] says by plain values what happened, so that a test compares them as it compares everything else. A [Sink] is a
// connector that keeps what it is given; a [Script] has it, or a fake service, fail, take its time or hang as told. For
// sources that misbehave there is package connector/memory, whose queues are a rig's source as well as the engine's.
// Package connectortest tests connectors.
package ergontest
