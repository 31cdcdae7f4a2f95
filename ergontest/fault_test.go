package ergontest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest"
	"github.com/ergon-go/ergon/policy"
)

// witness is a test that notes what it fails with.
type witness struct {
	testing.TB

	fatal string
}

type stopped struct{}

func (w *witness) Helper() {}

func (w *witness) Fatalf(format string, args ...any) {
	w.fatal = fmt.Sprintf(format, args...)
	panic(stopped{})
}

func fatalOf(t *testing.T, rig *ergontest.Rig, transactions ...ergon.Transaction) string {
	t.Helper()
	w := &witness{TB: t}
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if _, ok := recover().(stopped); !ok {
				t.Error("the rig did not fail the test")
			}
		}()
		rig.RunInBubble(t.Context(), w, transactions...)
	})
	return w.fatal
}

func TestWhatKeepsATaskFromRunningFailsTheTestWithAllFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change func(rig *ergontest.Rig)
		given  []string
		want   []string
	}{
		"a dependency that is missing": {
			func(rig *ergontest.Rig) { delete(rig.Services, "routes"); delete(rig.Connectors, "signed") }, nil,
			[]string{`service "routes" is not configured`, `connector "signed" is not configured`},
		},
		"a policy that cannot work": {
			func(rig *ergontest.Rig) { rig.Policy.Process.Retry.MaxAttempts = 0 }, nil, []string{"process.retry.max_attempts: is 0"},
		},
		"an id given twice": {func(*ergontest.Rig) {}, []string{"a", "b", "a"}, []string{`transaction "a" was given twice`}},
		"transactions beside a source": {
			func(rig *ergontest.Rig) { rig.Source = memory.New(memory.Settings{}) },
			[]string{"a"},
			[]string{"1 transactions, and the rig has a Source"},
		},
		"a service that does not open": {
			func(rig *ergontest.Rig) { rig.Services["door"] = &door{fail: errors.New("stuck")} }, nil,
			[]string{`open service "door": stuck`},
		},
		"no process function": {
			func(rig *ergontest.Rig) { rig.New = func(*ergon.Dependencies) ergon.Task { return ergon.Task{} } }, nil,
			[]string{"task has no Process function"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rig, _ := newRig()
			c.change(rig)
			var transactions []ergon.Transaction
			for _, id := range c.given {
				transactions = append(transactions, ergon.NewTransaction(id, nil))
			}
			got := fatalOf(t, rig, transactions...)
			for _, part := range append(c.want, "ergontest: ") {
				if !strings.Contains(got, part) {
					t.Errorf("got %q, want it to say %q", got, part)
				}
			}
		})
	}
}

// door notes when it is opened and closed.
type door struct {
	name    string
	journal *[]string
	fail    error
}

func (d *door) note(what string) error {
	if d.journal != nil {
		*d.journal = append(*d.journal, what+" "+d.name)
	}
	return d.fail
}

func (d *door) Open(context.Context) error  { return d.note("open") }
func (d *door) Close(context.Context) error { return d.note("close") }

func TestComponentsAreOpenedAndClosedAsAWorkerDoes(t *testing.T) {
	var journal []string
	rig, _ := newRig()
	rig.Services["a"] = &door{name: "a", journal: &journal}
	rig.Connectors["b"] = &door{name: "b", journal: &journal}
	rig.Connectors["c"] = &door{name: "c", journal: &journal}
	made := rig.New
	rig.New = func(d *ergon.Dependencies) ergon.Task {
		journal = append(journal, "make")
		task := made(d)
		task.Exit = func(context.Context) error {
			journal = append(journal, "exit")
			return nil
		}
		return task
	}
	only(t, rig.Run(t, ergon.NewTransaction("x", request{})))
	want := []string{"open a", "open b", "open c", "make", "exit", "close c", "close b", "close a"}
	if diff := cmp.Diff(want, journal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatFailsAtTheEndIsInTheReport(t *testing.T) {
	lost := errors.New("lost the key")
	rig := ergontest.NewRig(func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil },
			Exit:    func(context.Context) error { return lost },
		}
	})
	rig.Policy.Loop.DeadLetter = policy.DeadLetterSource
	if report := rig.Run(t, ergon.NewTransaction("x", nil)); !errors.Is(report.Err, lost) {
		t.Errorf("got %v, want %v", report.Err, lost)
	}
}

func TestHandlerThatNeverReturnsFailsTheTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		rig := ergontest.RigOf(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			<-release
			return nil, nil
		}})
		rig.Policy.Process.Retry.MaxAttempts = 1
		w := &witness{TB: t}
		func() {
			defer func() { _ = recover() }()
			rig.RunInBubble(t.Context(), w, ergon.NewTransaction("a", nil))
		}()
		if !strings.Contains(w.fatal, "1 attempts were given up and their handlers have not returned") {
			t.Errorf("got %q", w.fatal)
		}
		close(release)
	})
}
