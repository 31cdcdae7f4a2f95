// Package capability has the optional interfaces of connectors, beyond the contract in package ergon. The engine, the runner
// and the command line find them and use them. Package deadletter has the interface of a store of dead letters.
package capability
