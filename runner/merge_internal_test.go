package runner

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/ergon-go/ergon"
)

// [I2] [E2] Whatever a snapshot counts is added up over workers and their restarts, and a worker process reports it.
func TestEveryCountIsAddedUpAndReported(t *testing.T) {
	var s Snapshot
	value := reflect.ValueOf(&s).Elem()
	for i := range value.NumField() {
		if f := value.Field(i); f.CanInt() {
			f.SetInt(int64(i + 1))
		}
	}
	line, err := json.Marshal(report{Say: reportBeat, Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	var heard report
	if err := json.Unmarshal(line, &heard); err != nil {
		t.Fatal(err)
	}
	for name, merged := range map[string]Snapshot{
		"side by side":        sum(s, heard.Snapshot),
		"one after the other": following(heard.Snapshot, s),
	} {
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if field.Type.Kind() != reflect.Int64 || field.Name == "Elapsed" {
				continue
			}
			if got, want := reflect.ValueOf(merged).Field(i).Int(), int64(2*(i+1)); got != want {
				t.Errorf("%s: %s is %d, want %d", name, field.Name, got, want)
			}
		}
	}
}

// [E2] What a worker process had settled when it died stays in the figures, also where its last snapshot is older.
func TestFiguresKeepWhatADeadProcessHadSettled(t *testing.T) {
	s := newSupervisor(0, newWorker(ergon.NewTaskConfig("crew", nil), "crew-1", Settings{}, new(shutdown)), nil)
	p := &process{started: make(chan struct{})}
	beat := func(succeeded int64) {
		s.hear(t.Context(), p, report{Say: reportBeat, Snapshot: Snapshot{
			Fetched: succeeded, Started: succeeded, Outcomes: map[Outcome]int64{Succeeded: succeeded},
		}})
	}
	settle := func(o Outcome, n int64) {
		if s.hear(t.Context(), p, report{Say: reportSettled, Outcome: o, Count: n}) {
			t.Error("what is settled was taken for a sign that the loop turns")
		}
	}
	settle(Succeeded, 3)
	settle(Succeeded, 4)
	beat(7)
	settle(Succeeded, 2)
	settle(DeadLettered, 1)
	if got := s.snapshot().Ended(); got != 7 {
		t.Errorf("while it lives %d have ended, want what it says itself, 7", got)
	}
	s.buried(p)
	s.process = p
	s.lifeOfLast()
	settle(Succeeded, 1) // by the one that takes its place
	beat(1)
	got := s.snapshot()
	if got.Outcomes[Succeeded] != 10 || got.Outcomes[DeadLettered] != 1 || got.Started != 11 || got.Fetched != 11 {
		t.Errorf("got %+v, want 10 that succeeded, 1 that was dead-lettered and 11 that were started", got)
	}
	told := &process{started: make(chan struct{}), lastWord: &report{}} // and ended in order: its last word has everything
	settle(Succeeded, 5)
	s.buried(told)
	if got := s.snapshot().Outcomes[Succeeded]; got != 10 {
		t.Errorf("got %d, want 10", got)
	}
}
