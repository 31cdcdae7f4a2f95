// Package sqlite is a durable queue in one file, for one machine with nothing installed. Several processes may use the file
// at once; it survives their deaths, and that of the machine.
//
//	Dispatch ──► delayed ──due──► ready ──Fetch──► claimed ──ack──► settled ──► forgotten
//	                ▲               ▲                │ │ └───reject──► dead letter
//	                └─── requeue ───┴── lease ran out┘ └── lost too often ──► dead letter
//
// A [Queue] is one of the queues in a file. It delivers at least once, by priority and then in the order of dispatch,
// under leases. Metadata of a transaction says more: see [MetadataPriority], [MetadataDeliverAt] and the ordering key.
// [DeadLetters] is the store of dead letters in the same file.
//
// Where a loop's source and what it sends to are in one file, the outputs, or the dead letter, and the settlement are one
// SQL transaction ([Queue.HopTransactions]): what happens inside the file happens exactly once, whenever a process dies.
//
// Calls that come at the same time share a commit. A dispatch wakes a fetch that waits in the same process at once; what
// other processes dispatch is seen within 50 ms.
//
// docs/sqlite.md has the tables, the guarantees and the figures.
package sqlite
