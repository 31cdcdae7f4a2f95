// Package crashrun kills a pipeline again and again and then counts what came out of it.
//
//	ingest ──► in ──► work ──► out ──► sink ──► effects        all of it in one SQLite file
//	  │                 └────► trail     └ each also: dead letters
//	  └──► ledger, a file of its own: what was accepted
//
// The pipeline, the victim, is this program executed once more, with worker processes of its own. Each phase ([Kills],
// [Failpoints], [Drains], [Poison]) does one kind of harm to it, at moments that a seed decides, until everything has come to its end;
// then [Setup.Verify] holds the file against the ledger: nothing is lost, nothing has happened twice, the file is intact.
//
// Outputs of work and sink that the check counts have ids by chance and their queue remembers none, so that whatever is done
// twice is there twice.
//
// It shows what the death of processes does, not what a power failure does: what they have written, the operating system
// still has.
package crashrun
