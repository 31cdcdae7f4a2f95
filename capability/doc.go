// Package capability is what connectors may do beyond the contract in package ergon: optional interfaces that the engine,
// the runner and the command line find and make use of. Package deadletter has that of a store of dead letters.
package capability
