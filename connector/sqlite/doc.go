// Package sqlite is a durable queue in one file, for one machine, without a server. Several processes may use the file at once.
// It survives crashes of the processes and of the machine.
//
//	Dispatch ──► delayed ──due──► ready ──Fetch──► claimed ──ack──► settled ──► forgotten
//	                ▲               ▲                │ │ └───reject──► dead letter
//	                └─── requeue ───┴── lease ran out┘ └── lost too often ──► dead letter
//
// A [Queue] is one of the queues in a file. It delivers at least once, by priority and then in the order of dispatch, with
// leases. See also [MetadataPriority], [MetadataDeliverAt] and the ordering key. [DeadLetters] is the store of dead letters in
// the same file.
//
// If the source of a loop and its sinks are in one file, the outputs or the dead letter and the settlement are one SQL transaction
// ([Queue.HopTransactions]). Within the file each step then happens exactly once, also if a process is killed.
//
// Concurrent calls share a commit. A dispatch wakes a waiting fetch of the same process at once; other processes see it within
// 50 ms.
//
// docs/sqlite.md has the tables, the guarantees and the figures.
package sqlite
