package runner

import (
	"testing"

	"github.com/ergon-go/ergon"
)

// [E2] What a worker process had settled when it died stays in the snapshot, also if its last heartbeat is older.
func TestSnapshotKeepsWhatADeadProcessHadSettled(t *testing.T) {
	s := newSupervisor(ergon.NewTaskConfig("t", nil), "t-1", Settings{}, new(shutdown), nil)
	p := newProcess(nil)
	received := func(succeeded int64) {
		s.handle(t.Context(), p, report{Type: reportHeartbeat, Snapshot: Snapshot{
			Fetched: succeeded, Started: succeeded, Outcomes: map[Outcome]int64{Succeeded: succeeded},
		}})
	}
	settle := func(o Outcome, n int64) {
		if s.handle(t.Context(), p, report{Type: reportSettled, Outcome: o, Count: n}) {
			t.Error("a settlement was taken for a heartbeat")
		}
	}
	settle(Succeeded, 3)
	settle(Succeeded, 4)
	received(7)
	settle(Succeeded, 2)
	settle(DeadLettered, 1)
	if got := s.progress().Snapshot.Ended(); got != 7 {
		t.Errorf("while it lives %d have ended, want the 7 of its heartbeat", got)
	}
	s.countUnreported(p)
	s.process = p
	s.closeLast()
	settle(Succeeded, 1) // by the process that replaces it
	received(1)
	got := s.progress().Snapshot
	if got.Outcomes[Succeeded] != 10 || got.Outcomes[DeadLettered] != 1 || got.Started != 11 || got.Fetched != 11 {
		t.Errorf("got %+v, want 10 that succeeded, 1 that was dead-lettered and 11 that were started", got)
	}
	orderly := newProcess(nil) // its last report has everything
	orderly.final = &report{}
	settle(Succeeded, 5)
	s.countUnreported(orderly)
	if got := s.progress().Snapshot.Outcomes[Succeeded]; got != 10 {
		t.Errorf("got %d, want 10", got)
	}
}
