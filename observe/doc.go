// Package observe keeps a sample of the last transactions of a program with their attempts, for the operations endpoint and the
// console. It needs no telemetry backend, and its memory is bounded.
//
// Transactions that did not succeed at their first attempt are always recorded. First-time successes are recorded only while a
// viewer is connected, up to the number that [Recorder.Watch] allows. The last [Kept] of each kind are kept, so successes do
// not displace failures. Without a viewer a success costs one atomic load.
//
// The package also has the types of the reports of a loop: [Snapshot] with its [PhaseStats], [Outcome] and [ProduceError].
// Package runner has them under the same names.
package observe
