// Package file reads transactions from a file and writes them to one.
//
// A [Source] delivers each record of a CSV, JSON Lines or JSON file as a transaction. The file may be compressed with gzip.
//
//	file ─► split into records ─► fetch ─► … ─► settle: acknowledged ─► checkpoint: everything up to here is done
//	          │                     ▲             settle: requeued ──┐
//	          └─ malformed: a       └────────────────────────────────┘
//	             payload that is an error
//
// The id of a transaction is name@generation:line-content. A checkpoint stores the position before which all records are
// acknowledged. After a crash the next run continues there: it skips no record, and repeats those behind the position. Delivery
// is at least once.
//
// A [Sink] writes transactions to a file of JSON lines. What it reports as dispatched has reached the disk. It appends to the
// file, or writes a new file next to it and replaces the old one when the loop has come to its natural end.
//
// A Source with a checkpoint and a Sink that replaces belong together: the sink continues the file that the earlier run left
// unfinished. The source must be finished first. In the opposite order, a crash in between would leave a finished result and a
// checkpoint at the end of the input. The next run would then have nothing to read and replace the result by an empty one.
//
// Both hold a bounded part of their file in memory. Paths are opened below a directory ([os.Root]) and cannot leave it, neither
// by ".." nor by symbolic links. A lock keeps other processes from the file of a sink and the checkpoint of a source. It ends
// with the process. It needs flock (Linux, macOS, the BSDs); on other systems nothing is locked.
package file
