package runner

import (
	"encoding/json"
	"reflect"
	"testing"
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
	line, err := json.Marshal(report{Type: reportHeartbeat, Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	var reported report
	if err := json.Unmarshal(line, &reported); err != nil {
		t.Fatal(err)
	}
	for name, merged := range map[string]Snapshot{
		"at the same time":    concurrent(s, reported.Snapshot),
		"one after the other": consecutive(reported.Snapshot, s),
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
