// Package deadletter is the vocabulary of dead letters: what the engine writes about a transaction that failed for good,
// and what a store that keeps such letters can be asked.
//
// Any dispatcher can take dead letters: each comes as a transaction whose payload is a [Record]. One that also implements
// [Store] can be looked into, and gives letters back to where they came from; the command line and the console work with it.
package deadletter
