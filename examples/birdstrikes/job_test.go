package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/examples/birdstrikes"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// job runs the whole job as it is configured, in this process, into a folder.
func job(t *testing.T, out string) runner.Snapshot {
	t.Helper()
	program := main.Program()
	environment := config.Environment{LookupEnv: func(name string) (string, bool) { return out, name == "OUT" }}
	c, err := config.Parse("ergon.yaml", program.Config, program.Registry, environment)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := runner.RunTask(t.Context(), c.Tasks[0], runner.Settings{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// results are the lines of a finished file, by their id.
func results(t *testing.T, out, file string) map[string][]map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, file))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]map[string]any{}
	for line := range bytes.Lines(data) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatalf("%s: %v in %q", file, err, line)
		}
		id := place(record["id"].(string))
		found[id] = append(found[id], record)
	}
	return found
}

// letters are the records of the dead letters, by their id.
func letters(t *testing.T, out string) map[string][]map[string]any {
	t.Helper()
	c := sqlite.DefaultDeadLettersConfig()
	c.Dir, c.Path = out, "dead-letters.db"
	store, err := sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := store.ListDeadLetters(t.Context(), deadletter.Filter{}, deadletter.Page{Limit: 1000})
	if err := errors.Join(err, store.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	found := map[string][]map[string]any{}
	for _, l := range all {
		var record map[string]any
		text, err := json.Marshal(l.Record)
		if err := errors.Join(err, json.Unmarshal(text, &record)); err != nil {
			t.Fatal(err)
		}
		found[place(l.ID)] = append(found[place(l.ID)], record)
	}
	return found
}

// once fails for what is there more than once.
func once(t *testing.T, found map[string][]map[string]any) {
	t.Helper()
	for id, lines := range found {
		if len(lines) != 1 {
			t.Errorf("%s is there %d times, want 1", id, len(lines))
		}
	}
}

// everything fails unless tickets and dead letters cover what has to come of the file, no more and no less. One that is
// there several times says the same each time.
func everything(t *testing.T, out string) (tickets, deadLetters map[string][]map[string]any) {
	t.Helper()
	want, got := expectation(t), expected{tickets: map[string]string{}, deadLetters: map[string]string{}}
	tickets, deadLetters = results(t, out, "tickets.jsonl"), letters(t, out)
	for id, lines := range tickets {
		got.tickets[id] = lines[0]["severity"].(string)
		for _, line := range lines[1:] {
			if diff := cmp.Diff(lines[0], line); diff != "" {
				t.Errorf("%s says different things:\n%s", id, diff)
			}
		}
	}
	for id, lines := range deadLetters {
		got.deadLetters[id] = lines[0]["payload"].(map[string]any)["Effect Amount of damage"].(string)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(expected{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if left := files(t, out); !slices.Equal(left, []string{"dead-letters.db", "tickets.jsonl"}) {
		t.Errorf("the folder has %q, want the two results", left)
	}
	return tickets, deadLetters
}

// files are what a folder has, but for the ends of lines that were cut off by a kill and put aside.
func files(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".torn" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestWholeFileIsTriagedTheSameEveryTime(t *testing.T) {
	out := t.TempDir()
	var before [2]map[string][]map[string]any
	for i := range 2 {
		got := job(t, out)
		want := map[runner.Outcome]int64{runner.Succeeded: 9_985, runner.DeadLettered: 15}
		if diff := cmp.Diff(want, got.Outcomes); got.Fetched != 10_000 || diff != "" {
			t.Errorf("fetched %d, want 10000; outcomes, -want +got:\n%s", got.Fetched, diff)
		}
		// What the script of the energy service makes of these reports.
		if got.Retries != 75 || got.Timeouts != 2 || got.Late != 2 || got.Abandoned != 0 {
			t.Errorf("%d retries, %d timeouts, %d late, %d still running; want 75, 2, 2, 0", got.Retries, got.Timeouts, got.Late, got.Abandoned)
		}
		if attempts := got.Phases[policy.PhaseProcess].Count; attempts != 10_075 {
			t.Errorf("%d attempts to process, want 10075", attempts)
		}
		tickets, deadLetters := everything(t, out)
		once(t, tickets)
		once(t, deadLetters)
		energies(t, tickets)
		reasons(t, deadLetters)
		after := [2]map[string][]map[string]any{tickets, deadLetters}
		if diff := cmp.Diff(before, after); i > 0 && diff != "" {
			t.Errorf("the second run differs from the first:\n%s", diff)
		}
		before = after
	}
}

// energies fails unless a ticket has an energy just where its report has a speed.
func energies(t *testing.T, tickets map[string][]map[string]any) {
	t.Helper()
	all, err := records()
	if err != nil {
		t.Fatal(err)
	}
	for i, record := range all {
		for _, ticket := range tickets[idOf(i)] {
			if energy, ok := ticket["impact_energy_joules"]; ok != (record["Speed IAS in knots"] != "") {
				t.Errorf("%s: energy %v where the speed is %q", idOf(i), energy, record["Speed IAS in knots"])
			}
		}
	}
}

// reasons fails unless each dead letter is BUSINESS, was tried once and names its damage code. It takes out the times.
func reasons(t *testing.T, deadLetters map[string][]map[string]any) {
	t.Helper()
	for id, code := range expectation(t).deadLetters {
		for _, letter := range deadLetters[id] {
			message := letter["message"].(string)
			if letter["category"] != "BUSINESS" || letter["attempts"] != 1.0 || !strings.Contains(message, `damage code "`+code+`"`) {
				t.Errorf("%s: got %v, want a BUSINESS dead letter after one attempt that names %q", id, letter, code)
			}
			delete(letter, "failed_at")
		}
	}
}
