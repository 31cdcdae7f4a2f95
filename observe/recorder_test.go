package observe_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/observe"
)

func smooth(id string) observe.Transaction {
	return observe.Transaction{
		ID: id, Task: "t", Outcome: "succeeded", Attempts: []observe.Attempt{{Phase: "process", Number: 1, Result: "ok"}},
	}
}

func rough(id string) observe.Transaction {
	return observe.Transaction{
		ID: id, Task: "t", Outcome: "dead_lettered", Error: "No route to host", Metadata: map[string]string{"plant": "Linz"},
		Attempts: []observe.Attempt{{Phase: "process", Number: 1, Result: "system", Error: "No route to host"}},
	}
}

func ids(all []observe.Transaction) string {
	var names []string
	for _, t := range all {
		names = append(names, t.ID)
	}
	return strings.Join(names, " ")
}

func TestFailuresAreNotPushedOutBySuccesses(t *testing.T) {
	r := observe.NewRecorder(false)
	r.Add(rough("first"))
	for i := range 10 * observe.Capacity {
		r.Add(smooth(fmt.Sprint(i)))
	}
	got := r.Recent(observe.Query{})
	if len(got) != observe.Capacity+1 || got[0].ID != "5119" || got[observe.Capacity].ID != "first" {
		t.Errorf("kept %d from %s to %s", len(got), got[0].ID, got[len(got)-1].ID)
	}
	for i := range observe.Capacity {
		r.Add(rough(fmt.Sprint("f", i)))
	}
	if _, kept := r.Find(1); kept {
		t.Error("one more than is kept of those that failed is kept")
	}
	if one, kept := r.Find(uint64(11*observe.Capacity + 1)); !kept || one.ID != "f511" {
		t.Errorf("got %v %v, want the last", one.ID, kept)
	}
}

func TestTransactionsAreFound(t *testing.T) {
	r := observe.NewRecorder(false)
	r.Add(smooth("a"))
	r.Add(rough("b"))
	other := smooth("c")
	other.Task = "u"
	r.Add(other)
	for want, q := range map[string]observe.Query{
		"c b a": {}, "c b": {Limit: 2}, "c": {Task: "u"}, "b": {Outcome: "dead_lettered"}, "b ": {Text: "ROUTE"}, "b  ": {Text: "linz"},
		"a": {Text: "A", Task: "t", Outcome: "succeeded"}, "": {Text: "nowhere"},
	} {
		if got := ids(r.Recent(q)); got != strings.TrimSpace(want) {
			t.Errorf("%+v: got %q, want %q", q, got, want)
		}
	}
	if got := ids(r.Since(1, 10)); got != "b c" {
		t.Errorf("since the first: %q", got)
	}
	if got := ids(r.Since(0, 2)); got != "b c" {
		t.Errorf("the last two: %q", got)
	}
}

func TestSuccessesAreWantedAsManyAsWereAllowed(t *testing.T) {
	r := observe.NewRecorder(false)
	if r.Wants() {
		t.Error("wanted although nobody watches")
	}
	r.Watch(2)
	wanted := 0
	for range 5 {
		if r.Wants() {
			wanted++
		}
	}
	if wanted != 2 {
		t.Errorf("%d are wanted, want exactly two", wanted)
	}
	r.Watch(5)
	r.Watch(0)
	if r.Wants() {
		t.Error("wanted although nobody watches any more")
	}
}

// No payload is kept that nobody asked for. [O3]
func TestPayloadsAreKeptOnlyWhereThatIsSaid(t *testing.T) {
	for _, keep := range []bool{false, true} {
		r := observe.NewRecorder(keep)
		one := smooth("a")
		one.Payload = "secret"
		r.Add(one)
		got, _ := r.Find(1)
		if (got.Payload == "secret") != keep || r.KeepsPayloads() != keep {
			t.Errorf("told %v: kept %q", keep, got.Payload)
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	r := observe.NewRecorder(true)
	long := rough("a")
	long.Error, long.Payload = strings.Repeat("ä", 1<<10), strings.Repeat("x", 16<<10)
	for i := range 99 {
		long.Attempts = append(long.Attempts, observe.Attempt{Number: i + 2, Error: strings.Repeat("e", 1<<11)})
		long.Metadata[fmt.Sprint(i)] = strings.Repeat("m", 1<<11)
	}
	r.Add(long)
	got, _ := r.Find(1)
	if len(got.Error) != 1<<10+len("…") || got.Payload != long.Payload {
		t.Errorf("error of %d bytes, payload of %d", len(got.Error), len(got.Payload))
	}
	if len(got.Attempts) != 40 || got.Omitted != 60 || got.Attempts[39].Number != 100 || len(got.Attempts[0].Error) != 1<<10+len("…") {
		t.Errorf("%d attempts and %d omitted, the last %+v", len(got.Attempts), got.Omitted, got.Attempts[39].Number)
	}
	if len(got.Metadata) != 32 {
		t.Errorf("%d entries of metadata", len(got.Metadata))
	}
}

func TestNilRecorderRecordsNothing(t *testing.T) {
	var r *observe.Recorder
	r.Watch(1)
	r.Add(rough("a"))
	if got := r.Recent(observe.Query{}); got != nil || r.KeepsPayloads() {
		t.Errorf("got %v", got)
	}
}

func TestRecorderIsUsedConcurrently(t *testing.T) {
	r := observe.NewRecorder(false)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				r.Watch(1)
				if r.Wants() {
					r.Add(smooth("a"))
				}
				r.Add(rough("b"))
				r.Since(0, 5)
			}
		})
	}
	all.Wait()
	if got := r.Recent(observe.Query{Outcome: "dead_lettered"}); len(got) != observe.Capacity {
		t.Errorf("kept %d", len(got))
	}
}

func TestTransactionIsOverWhenItIsSettled(t *testing.T) {
	one := smooth("a")
	one.Took = time.Second
	got := []time.Duration{one.End()}
	one.Settled = &observe.Settlement{Start: 2 * time.Second, Took: time.Second}
	got = append(got, one.End())
	if diff := cmp.Diff([]time.Duration{time.Second, 3 * time.Second}, got); diff != "" {
		t.Error(diff)
	}
}
