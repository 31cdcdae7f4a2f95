// Package database is a service for tasks that read or write a SQL database: PostgreSQL, SQLite, or any other with a driver for
// database/sql.
//
//	url                                   database
//	postgres://user@host:5432/name        PostgreSQL, by pgx; PG* variables fill what the URL leaves out
//	sqlite:folder/file.db                 SQLite, by modernc.org/sqlite; the path is relative to the working directory
//	driver: mysql, url: user@tcp(host)/x  any driver that the program has registered with database/sql
//
// A [Database] has a pool of connections. The runner opens it before the task and closes it after the connectors; while it does not
// answer, the program is not ready. Each statement has a timeout and a span without its arguments.
//
// [Query] and [QueryOne] read, and are retried. [Database.Exec] and [Database.InTx] write, and are retried only after an error that
// shows that the database has not changed. What a statement did before an attempt of the task failed is not undone: a transaction
// that is delivered again runs its statements again. Make them idempotent, for example with the transaction's id as a key.
package database
