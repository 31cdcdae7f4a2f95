// Package memory has connectors in the memory of one process: a queue, a queue with leases, and a generator of transactions for
// benchmarks. Nothing survives the process. For tests, a queue can have scripted faults: deliveries that are duplicated,
// reordered or too many, calls that stall or fail, acknowledgements and leases that are lost.
//
//	Dispatch ──► waiting ──Fetch──► in flight ──ack──► gone
//	                ▲                   │  └────reject──► kept aside
//	                └──── requeue, lease run out, Close ◄─┘
//
// The queue delivers at least once and in the order of dispatch. A transaction that was not processed (interrupted, its lease
// expired, its queue closed) is delivered again before everything that was dispatched later. One that is requeued as failed is
// delivered after everything that waits, or as soon as its delay is over. Of the transactions with one ordering key, one is
// delivered at a time, in the order of dispatch: the next follows once it is acknowledged or rejected.
package memory
