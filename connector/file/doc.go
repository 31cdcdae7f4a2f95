// Package file reads transactions from a file and writes them to one.
//
// A [Source] takes the records of a CSV, JSON Lines or JSON file, compressed with gzip or not, one transaction each:
//
//	file ─► split into records ─► fetch ─► … ─► settle: acknowledged ─► checkpoint: everything up to here is done
//	          │                     ▲             settle: requeued ──┐
//	          └─ malformed: a       └────────────────────────────────┘
//	             payload that is an error
//
// A transaction's id is name:line, the line on which its record starts. A checkpoint remembers the longest run of
// acknowledged records from the beginning, so that a run that was killed goes on there: no record is left out, and those
// after that place are done again. Delivery is at least once.
//
// A [Sink] appends transactions to a file of JSON lines. What it reports as dispatched has reached the disk. It appends to
// what is there, or builds a new file aside and puts it in place when the loop has come to its natural end.
//
// A Source that goes on from a checkpoint and a Sink that replaces belong together: the sink then goes on with the file
// that the run before left unfinished. Whoever finishes them finishes the source first. The other way round, a crash in
// between would leave a finished result together with a checkpoint at the end of the input, and the next run, with
// nothing left to read, would replace the result by an empty one.
//
// Neither holds more than a bounded part of its file in memory. Paths are opened below a directory ([os.Root]) and cannot
// leave it, by ".." or by symbolic links. Another process is kept off a sink's file and a source's checkpoint by a lock
// that ends with the process, on the systems that have flock (Linux, macOS, the BSDs); elsewhere nothing keeps it off.
package file
