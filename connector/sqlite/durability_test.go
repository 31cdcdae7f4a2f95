package sqlite_test

import (
	"testing"

	"github.com/ergon-go/ergon/connector/sqlite"
)

// [S2] A power failure cannot be had in a test; what SQLite is asked for can: to wait for the disk at each commit (FULL is 2,
// NORMAL 1), on macOS by its own means. The strictest connector of a process decides, whenever it comes.
func TestCommitsAreConfirmedByTheDiskWhereTheyHaveToBe(t *testing.T) {
	b := newBench(t)
	want := func(q *sqlite.Queue, synchronous, fullfsync int64) {
		t.Helper()
		got := [3]int64{sqlite.Pragma(q, "synchronous"), sqlite.Pragma(q, "fullfsync"), sqlite.Pragma(q, "checkpoint_fullfsync")}
		if got != [3]int64{synchronous, fullfsync, fullfsync} {
			t.Errorf("synchronous, fullfsync and checkpoint_fullfsync are %v, want %d, %d and %d", got, synchronous, fullfsync, fullfsync)
		}
	}
	normal := b.queue(t)
	want(normal, 1, 0)
	full := b.queue(t, named("full"), func(s *sqlite.QueueSettings) { s.Durability = sqlite.DurabilityFull })
	want(full, 2, 1)
	want(normal, 2, 1) // they share the connection
	dispatch(t, normal, transactions("a")...)
	want(full, 2, 1)

	alone := newBench(t)
	want(alone.queue(t, func(s *sqlite.QueueSettings) { s.Durability = sqlite.DurabilityFull }), 2, 1)
	if got := sqlite.DefaultQueueConfig().Durability; got != sqlite.DurabilityFull {
		t.Errorf("the default is %q, want full", got)
	}
}
