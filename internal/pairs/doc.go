// Package pairs runs every part of Ergon together with every other one: each source with each sink, each store of dead
// letters, each number and isolation of workers, each execution, each mode, with and without ordering keys, and each thing
// that can become of a transaction. What broke in the past broke where two parts meet.
//
//	row ──► configuration ──► the program under test, as its users run it ──► sink, letters, journal
//	                                                                             │
//	                          what went in, counted by content ──── auditor ◄────┘
//
// A [Row] has one value of each axis. The program under test is the test binary itself, run as a command line; it goes
// through the public API only. The auditor is outside of it: it reads what is in the sink and in the store of dead letters,
// and counts by content, because an id is what may be wrong. It demands that nothing is lost, nothing is there twice, nothing
// was refused or dropped unsaid, that the order of a key was kept, and that every command ended within its bound.
//
// The short form covers all pairs of values; the whole one all triples, and a sample of everything:
//
//	go test ./internal/pairs            # the short form
//	make pairs                          # the whole
//
// A new connector is one line in sources, sinks or letterStores.
package pairs
