// Package deadletter has the types of dead letters: what the engine writes about a transaction that failed permanently, and the
// interface of a store that keeps such letters.
//
// Any dispatcher can receive dead letters: each is a transaction with a [Record] as its payload. A connector that implements
// [Store] as well can list letters and requeue them; the command line and the console use it.
package deadletter
