// Package memory holds connectors that live in the memory of one process: a queue, the same queue with leases, and a
// generator of transactions for benchmarks. Nothing survives the process. For tests, a script of faults goes in front of
// a queue: deliveries doubled, reordered or too many, calls that stall or fail, acknowledgements and leases lost.
//
//	Dispatch ──► waiting ──Fetch──► in flight ──ack──► gone
//	                ▲                   │  └────reject──► kept aside
//	                └──── requeue, lease run out, Close ◄─┘
//
// The queue delivers at least once and in the order of dispatch. What is given back unprocessed (interrupted, its lease
// run out, its queue closed) comes back before everything that was dispatched later; what is requeued as failed comes
// back behind everything that waits, or as soon as its delay is over. Of transactions with one ordering key one is out at a
// time, in the order of dispatch: the next comes once it is acknowledged or rejected.
package memory
