// Package stats counts what the engine does. What is counted often is spread over shards, so that workers do not share a cache line.
// Recording calls no foreign code, takes no lock and, but for the first time in a shard, allocates nothing [F1] [O2]. A Registry holds
// the series of one MeterProvider; whoever exports them reads it on a goroutine of its own. Decision 0100.
package stats

// Shards is how many workers can count at once without waiting for each other. It is a power of two; more than the processors that
// usually count at once.
const Shards = 8
