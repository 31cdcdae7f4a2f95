// Package bench compares the engine with what a Go programmer would otherwise use, side by side and in one process, and
// measures what has no peer: memory in flight, cost at any length, lateness of timeouts.
//
// What is measured is here, so that benchmarks (go test -bench) and the command that prints docs/performance.md's tables
// (go run ./internal/bench/cmd/compare) measure the same. Only ratios within one run mean anything: everything is alternated with
// what it is compared with. Each contestant reports how many items succeeded, and a measurement in which one is missing is
// an error; tests hold each of them to calling, retrying and timing out as its description says.
package bench
