// Package postgres is a durable queue in a PostgreSQL database, for any number of machines. It survives crashes of the programs and
// of the server.
//
//	Dispatch ──► delayed ──due──► ready ──Fetch──► claimed ──ack──► settled ──► forgotten
//	                ▲               ▲                │ │ └───reject──► dead letter
//	                └─── requeue ───┴── lease ran out┘ └── lost too often ──► dead letter
//
// A [Queue] is one of the queues in a schema. It delivers at least once, by priority and then in the order of dispatch, with leases
// by the clock of the server. See also [MetadataPriority], [MetadataDeliverAt] and the ordering key. [DeadLetters] is the store of
// dead letters in the same schema. The states and their rules are the ones of the queue in a file, connector/sqlite.
//
// If the source of a loop and its sinks are in one schema, the outputs or the dead letter and the settlement are one SQL transaction
// ([Queue.HopTransactions]). Within the schema each step then happens exactly once, also if a process or the server is killed.
// [Queue.Enqueue] adds transactions in a database transaction of the caller.
//
// A dispatch wakes waiting fetches of all processes; they also poll. docs/postgres.md has the tables, the guarantees and the figures.
package postgres
