package memory_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

func TestGeneratorMakesEachNumberOnceAndEnds(t *testing.T) {
	generator := memory.NewGenerator(12, func(i int64) any { return i * i })
	first := fetch(t, generator, 11)
	wantIDs(t, first, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
	if got := first[3].Payload(); got != int64(9) {
		t.Errorf("got payload %v of number 3, want 9", got)
	}
	if got, _ := generator.CountTransactions(t.Context()); got != 1 {
		t.Errorf("got count %d, want 1", got)
	}
	ack(t, generator, first...)
	last := wantFetched(t, generator, "11")
	wantFetched(t, generator) // in flight
	settle(t, generator, capability.Settlement{Action: policy.SettleReject}, last...)
	if _, err := generator.FetchTransactions(t.Context(), 1); !errors.Is(err, ergon.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
	if generator.Acked() != 11 || generator.Rejected() != 1 {
		t.Errorf("got %d acknowledged and %d rejected, want 11 and 1", generator.Acked(), generator.Rejected())
	}
}

func TestGeneratorMakesARequeuedTransactionAgain(t *testing.T) {
	generator := memory.NewGenerator(3, func(i int64) any { return i })
	batch := fetch(t, generator, 2)
	settle(t, generator, capability.Settlement{Action: policy.SettleRequeue}, batch...)
	again := fetch(t, generator, 1)
	wantIDs(t, again, "0")
	if got := again[0].Payload(); got != int64(0) {
		t.Errorf("got payload %v, want 0", got)
	}
	again = append(again, wantFetched(t, generator, "1")...)
	again = append(again, wantFetched(t, generator, "2")...)
	ack(t, generator, again...)
	if _, err := generator.FetchTransactions(t.Context(), 1); !errors.Is(err, ergon.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
	err := generator.SettleTransactions(t.Context(), []capability.Settlement{
		{Transaction: ergon.NewTransaction("3", nil), Action: policy.SettleRequeue},
	})
	if _, ok := errors.AsType[*ergon.BatchError](err); !ok {
		t.Errorf("requeue of a number that it never made: got %v, want a BatchError", err)
	}
}

// [I1] An id is the generator's name and seed, and the position: the same in every run and with any number of workers, and
// never that of a generator with another name or seed.
func TestIDsOfANamedGeneratorAreItsOwn(t *testing.T) {
	type identity struct {
		name string
		seed uint64
	}
	ids := func(of identity, index, workers int) []string {
		g := memory.NewGenerator(12, nil).Named(of.name, of.seed)
		g.BindWorker(capability.Worker{Index: index, Count: workers})
		var made []string
		for _, tx := range fetch(t, g, 12) {
			made = append(made, tx.ID())
		}
		return made
	}
	if got, want := ids(identity{"orders", 7}, 3, 4), []string{"orders@7:3", "orders@7:7", "orders@7:11"}; !slices.Equal(got, want) {
		t.Errorf("worker 3 of 4 made %q, want %q", got, want)
	}
	madeBy := map[string]identity{}
	for _, of := range []identity{
		{"a", 0}, {"a", 1}, {"a", 11}, {"b", 0}, {"", 0}, {"", 1}, {"a@1", 0}, {"a@0:1", 0}, {"a@0:1", 1}, {"1", 1}, {"a:1", 1}, {"@", 1},
	} {
		first := ids(of, 0, 1)
		again := slices.Concat(ids(of, 0, 2), ids(of, 1, 2))
		if !slices.Equal(slices.Sorted(slices.Values(again)), slices.Sorted(slices.Values(first))) {
			t.Errorf("%+v made %q by one worker and %q by two", of, first, again)
		}
		for _, id := range first {
			if other, taken := madeBy[id]; taken {
				t.Errorf("%q was made by %+v and by %+v", id, other, of)
			}
			madeBy[id] = of
		}
	}
}

func TestANamedGeneratorTakesBackItsOwnOnly(t *testing.T) {
	g := memory.NewGenerator(3, nil).Named("a", 1)
	batch := wantFetched(t, g, "a@1:0", "a@1:1", "a@1:2")
	settle(t, g, capability.Settlement{Action: policy.SettleRequeue}, batch[1])
	wantFetched(t, g, "a@1:1")
	for _, foreign := range []string{"1", "a@2:1", "b@1:1", "a@1:3", "a@1:-1", "a@1:"} {
		err := g.SettleTransactions(t.Context(), []capability.Settlement{
			{Transaction: ergon.NewTransaction(foreign, nil), Action: policy.SettleRequeue},
		})
		if _, ok := errors.AsType[*ergon.BatchError](err); !ok {
			t.Errorf("requeue of %q: got %v, want a BatchError", foreign, err)
		}
	}
}

func TestGeneratorAllocatesNothingPerTransaction(t *testing.T) {
	wantNothingPerTransaction(t, memory.NewGenerator(1_000_000, nil))
	wantNothingPerTransaction(t, memory.NewGenerator(1_000_000, nil).Named("generator", 0))
}

func wantNothingPerTransaction(t *testing.T, generator *memory.Generator) {
	t.Helper()
	const size = 1000
	settlements := make([]capability.Settlement, size)
	got := testing.AllocsPerRun(20, func() {
		for i, tx := range fetch(t, generator, size) {
			settlements[i] = capability.Settlement{Transaction: tx}
		}
		if err := generator.SettleTransactions(t.Context(), settlements); err != nil {
			t.Error(err)
		}
	})
	if got > 5 {
		t.Errorf("got %.0f allocations for %d transactions, want at most 5", got, size)
	}
}

// [E2] Workers divide the transactions: each is made once, by one of them.
func TestWorkersDivideAGenerator(t *testing.T) {
	for _, size := range []int64{0, 1, 2, 3, 10, 11, 12} {
		made := map[string]int{}
		counted := int64(0)
		for index := range 3 {
			g := memory.NewGenerator(size, nil)
			g.BindWorker(capability.Worker{Index: index, Count: 3})
			n, err := g.CountTransactions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			counted += n
			for {
				batch, err := g.FetchTransactions(t.Context(), 2)
				if errors.Is(err, ergon.ErrExhausted) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, tx := range batch {
					made[tx.ID()]++
					if err := g.SettleTransactions(t.Context(), []capability.Settlement{{Transaction: tx, Action: policy.SettleAck}}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if int64(len(made)) != size || counted != size {
			t.Errorf("of %d three workers made %d, and counted %d", size, len(made), counted)
		}
		for id, n := range made {
			if n != 1 {
				t.Errorf("%s of %d was made %d times, want once", id, size, n)
			}
		}
	}
}

// [I1] A generator that nobody named takes its name from where it belongs, so that two tasks never share an id by default.
func TestGeneratorWithoutANameHasThatOfItsTask(t *testing.T) {
	for _, c := range []struct {
		of   capability.Worker
		name string
		want string
	}{
		{capability.Worker{Task: "bill", Component: "input", Count: 1}, "", "bill/input@7:0"},
		{capability.Worker{Task: "ship", Component: "input", Count: 1}, "", "ship/input@7:0"},
		{capability.Worker{Task: "ship", Component: "input", Index: 1, Count: 2}, "", "ship/input@7:1"},
		{capability.Worker{Task: "ship", Component: "input", Count: 1}, "orders", "orders@7:0"},
	} {
		g := memory.NewGenerator(2, nil).Named(c.name, 7)
		g.BindWorker(c.of)
		settle(t, g, capability.Settlement{Action: policy.SettleRequeue}, fetch(t, g, 1)...)
		wantIDs(t, fetch(t, g, 1), c.want)
	}
	byItself := memory.NewGenerator(1, nil)
	byItself.BindWorker(capability.Worker{Task: "bill", Component: "input", Count: 1})
	wantFetched(t, byItself, "bill/input@0:0")
}
