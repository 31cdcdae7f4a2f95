package lifecycle_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// The table proves [P1] (process, then success or exception, with what a hybrid prepares [B3] in between, each with attempts of
// its own), [P2] (whoever fails permanently goes to the exception phase), [P3] (its failure is handler_failed), [P4] (shutdown
// releases), [R2] (business and permanent failures are not retried) and [T3] (the transaction's deadline ends all but the
// exception phase).
func TestTableIsWhatNextDoes(t *testing.T) {
	for _, fault := range faultsOf(readTable(t)) {
		t.Error("docs/lifecycle.md: " + fault)
	}
}

func TestTableWithoutARowIsRefused(t *testing.T) {
	rows := readTable(t)
	for i, r := range rows {
		if len(faultsOf(slices.Delete(slices.Clone(rows), i, i+1))) == 0 {
			t.Errorf("the table passes without the row %v", r)
		}
	}
}

func TestTableWithTwoRowsForOneCombinationIsRefused(t *testing.T) {
	rows := readTable(t)
	for _, r := range rows {
		if len(faultsOf(append(slices.Clone(rows), r))) == 0 {
			t.Errorf("the table passes with a second row %v", r)
		}
	}
}

func TestTableWithAWrongCellIsRefused(t *testing.T) {
	rows := readTable(t)
	for i, r := range rows {
		for cell := range r {
			wrong := slices.Clone(rows)
			wrong[i][cell] = "wrong"
			if len(faultsOf(wrong)) == 0 {
				t.Errorf("the table passes with a wrong %s in the row %v", columns[cell], r)
			}
		}
	}
}

var columns = row{"phase", "attempts left", "event", "handlers present", "next phase", "attempt", "action", "outcome"}

// row is one line of the table: four cells that say when, four that say what follows.
type row [8]string

func (r row) String() string { return "| " + strings.Join(r[:], " | ") + " |" }

// combination is what a row's left side expands to.
type combination struct {
	phase       lifecycle.Phase
	attemptLeft bool
	event       lifecycle.Event
	handlers    handlers
}

type handlers struct{ prepare, success, exception bool }

func (c combination) String() string {
	return fmt.Sprintf("%v, attempts left %t, %v, handlers %+v", c.phase, c.attemptLeft, c.event, c.handlers)
}

var (
	phases = wordsUpTo(lifecycle.Exception)
	events = wordsUpTo(lifecycle.LeaseLost)

	attemptsLeft = map[string][]bool{"yes": {true}, "no": {false}, "–": {true, false}}

	handlersPresent = map[string][]handlers{
		"prepare":                where(func(h handlers) bool { return h.prepare }),
		"no prepare, success":    where(func(h handlers) bool { return !h.prepare && h.success }),
		"no prepare, no success": where(func(h handlers) bool { return !h.prepare && !h.success }),
		"success":                where(func(h handlers) bool { return h.success }),
		"no success":             where(func(h handlers) bool { return !h.success }),
		"exception":              where(func(h handlers) bool { return h.exception }),
		"no exception":           where(func(h handlers) bool { return !h.exception }),
		"any":                    where(func(handlers) bool { return true }),
	}
)

// where returns the combinations of handlers that match.
func where(match func(handlers) bool) []handlers {
	var all []handlers
	for i := range 8 {
		if h := (handlers{i&1 != 0, i&2 != 0, i&4 != 0}); match(h) {
			all = append(all, h)
		}
	}
	return all
}

// wordsUpTo maps the word of each value up to last to that value, and "any" to all of them.
func wordsUpTo[T interface {
	~uint8
	fmt.Stringer
}](last T) map[string][]T {
	words := map[string][]T{}
	for value := range last + 1 {
		words[value.String()] = []T{value}
		words["any"] = append(words["any"], value)
	}
	return words
}

// combinations expands the row's left side. A word that is not in the vocabulary stands for nothing.
func (r row) combinations() []combination {
	var all []combination
	for _, phase := range phases[r[0]] {
		for _, left := range attemptsLeft[r[1]] {
			for event := range strings.SplitSeq(r[2], ", ") {
				for _, e := range events[event] {
					for _, h := range handlersPresent[r[3]] {
						all = append(all, combination{phase, left, e, h})
					}
				}
			}
		}
	}
	return all
}

// faultsOf says where rows leave a combination out, have it twice, or differ from what Next does with it.
func faultsOf(rows []row) []string {
	var faults []string
	missing := map[combination]bool{}
	for _, c := range (row{"any", "–", "any", "any"}).combinations() {
		missing[c] = true
	}
	for _, r := range rows {
		combinations := r.combinations()
		if len(combinations) == 0 {
			faults = append(faults, fmt.Sprintf("%v: stands for nothing, so one of its first four words is unknown", r))
		}
		for _, c := range combinations {
			if !missing[c] {
				faults = append(faults, fmt.Sprintf("%v: an earlier row has {%v} as well", r, c))
			}
			delete(missing, c)
			if got, want := c.follow(), r.expect(c); got != want {
				faults = append(faults, fmt.Sprintf("%v: for {%v} Next says %q, the row %q", r, c, got, want))
			}
		}
	}
	for c := range maps.Keys(missing) {
		faults = append(faults, fmt.Sprintf("no row has {%v}", c))
	}
	return faults
}

// running is the attempt that every combination is tried in.
const running = 3

// follow is what Next does with the combination. The phases it is not in have an attempt left where this one has none, and
// none where it has one, so that attempts are counted by the right phase.
func (c combination) follow() string {
	plan := lifecycle.Plan{HasPrepare: c.handlers.prepare, HasSuccess: c.handlers.success, HasException: c.handlers.exception}
	for phase := range plan.Attempts {
		plan.Attempts[phase] = running
		if (phase == int(c.phase)) == c.attemptLeft {
			plan.Attempts[phase]++
		}
	}
	next, action := lifecycle.Next(lifecycle.State{Phase: c.phase, Attempt: running}, c.event, plan)
	return fmt.Sprintf("%v %d %v %v", next.Phase, next.Attempt, action, next.Outcome)
}

// expect is what the row's right side says, in the words of follow.
func (r row) expect(c combination) string {
	phase, attempt := r[4], r[5]
	if phase == "–" {
		phase = c.phase.String()
	}
	switch attempt {
	case "–":
		attempt = fmt.Sprint(running)
	case "+1":
		attempt = fmt.Sprint(running + 1)
	}
	return fmt.Sprintf("%s %s %s %s", phase, attempt, r[6], r[7])
}

// readTable returns the rows below the line with the columns' names and the rule under it.
func readTable(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "lifecycle.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), columns.String()+"\n")
	if !found {
		t.Fatalf("docs/lifecycle.md has no table with the columns %v", columns)
	}
	var rows []row
	for i, line := range slices.Collect(strings.Lines(table)) {
		line, isRow := strings.CutPrefix(strings.TrimSpace(line), "| ")
		switch {
		case isRow:
			cells := strings.Split(strings.TrimSuffix(line, " |"), " | ")
			if len(cells) != len(columns) {
				t.Fatalf("docs/lifecycle.md: row %q has %d cells, want %d", line, len(cells), len(columns))
			}
			rows = append(rows, row(cells))
		case i > 0:
			return rows
		}
	}
	return rows
}
