// Package observe keeps what became of the last transactions of a program, attempt by attempt, for whoever looks: the
// operations endpoint and the console. It needs no telemetry backend and its memory is bounded.
//
// Those that did not succeed at once are always recorded, and the last [Kept] of them are kept. Those that did are recorded
// only while somebody watches, so many a second at most as [Recorder.Watch] was told, and the last Kept of them are kept as
// well: a failure is not pushed out by a thousand successes. While nobody watches, a transaction that succeeds costs the
// reading of one word that nobody writes.
//
// It has the types of what a loop reports, too: [Snapshot] with its [PhaseStats], [Outcome] and [ProduceError]. Package runner calls them
// by the same names.
package observe
