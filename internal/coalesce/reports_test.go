package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// listener is a caller that receives reports about what the connector knew already, as "id result".
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) hear(tx ergon.Transaction, result capability.DispatchResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, tx.ID()+" "+string(result))
}

func (l *listener) context(ctx context.Context) context.Context {
	return capability.WithDispatchReport(ctx, l.hear)
}

func (l *listener) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.heard, ", ")
}

// listening dispatches beside the test, that long from now, and returns who listens and what came of it.
func listening(o ergon.Dispatcher, d time.Duration, ids ...string) (*listener, <-chan error) {
	l, done := &listener{}, make(chan error, 1)
	go func() {
		sleep(d)
		done <- o.DispatchTransactions(l.context(context.Background()), transactionsOf(ids...))
	}()
	return l, done
}

// reporting is a connector that takes a second for a call, and then does what say does.
func reporting(say func(ctx context.Context, batch []ergon.Transaction) error) dispatcher {
	return func(ctx context.Context, batch []ergon.Transaction) error {
		sleep(time.Second)
		return say(ctx, batch)
	}
}

// unlimited joins whatever comes while a call is in progress.
func unlimited(to ergon.Dispatcher) *coalesce.Coalescer {
	return coalesce.New(to, policy.ProducerBatch{Size: 1000, Interval: time.Hour})
}

// [I2] [B2] Each caller of a joined call receives the reports about its own transactions, before its dispatch returns.
func TestEachCallerHearsWhatWasKnownOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := unlimited(reporting(func(ctx context.Context, batch []ergon.Transaction) error {
			for _, tx := range slices.Backward(batch) {
				if tx.ID() != "new" {
					capability.ReportDispatch(ctx, tx, capability.DispatchResult(tx.ID()[:strings.IndexByte(tx.ID(), '-')]))
				}
			}
			capability.ReportDispatch(ctx, ergon.NewTransaction("of-nobody", nil), capability.Duplicate)
			return nil
		}))
		alone, done := listening(o, 0, "duplicate-1", "new")
		one, oneDone := listening(o, 1, "new")
		two, twoDone := listening(o, 2, "conflict-1", "diverged-1")
		deaf := after(o, 3, "duplicate-2")
		for _, d := range []<-chan error{done, oneDone, twoDone, deaf} {
			if err := <-d; err != nil {
				t.Error(err)
			}
		}
		for want, l := range map[string]*listener{
			"duplicate-1 duplicate, of-nobody duplicate": alone, "": one, "conflict-1 conflict, diverged-1 diverged": two,
		} {
			if got := l.all(); got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		}
	})
}

// [I2] Of several transactions of one id the sink stored the first, so the reports belong to the last ones.
func TestReportsOfOneIDBelongToTheLastOfIt(t *testing.T) {
	for reports, want := range [][]string{{"", "", ""}, {"", "", "x conflict"}, {"", "x duplicate", "x conflict"}, {
		"x duplicate", "x conflict", "x diverged",
	}} {
		synctest.Test(t, func(t *testing.T) {
			o := unlimited(reporting(func(ctx context.Context, batch []ergon.Transaction) error {
				said := []capability.DispatchResult{capability.Duplicate, capability.Conflict, capability.Diverged}
				if reports == 1 {
					said = said[1:]
				}
				for _, tx := range batch {
					if tx.ID() == "x" && len(said) > 0 && reports > 0 {
						capability.ReportDispatch(ctx, tx, said[0])
						said, reports = said[1:], reports-1
					}
				}
				return nil
			}))
			after(o, 0, "first")
			var callers []*listener
			for i := range 3 {
				l, _ := listening(o, time.Duration(i+1), "x")
				callers = append(callers, l)
			}
			other := &listener{}
			go func() { // of another arrival, so it is other work
				sleep(10)
				_ = o.DispatchTransactions(other.context(context.Background()),
					[]ergon.Transaction{ergon.NewTransaction("y", nil), ergon.NewTransaction("x", nil).WithArrival("1-a")})
			}()
			sleep(5 * time.Second)
			var got []string
			for _, l := range callers {
				got = append(got, l.all())
			}
			if diff := cmp.Diff(want, got); diff != "" || other.all() != "" {
				t.Errorf("heard (-want +got), and of another arrival %q:\n%s", other.all(), diff)
			}
		})
	}
}

// [I2] None belongs to a transaction that failed.
func TestReportsBelongToNoneThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := unlimited(reporting(func(ctx context.Context, batch []ergon.Transaction) error {
			if len(batch) < 3 {
				return nil
			}
			capability.ReportDispatch(ctx, batch[1], capability.Duplicate)
			return &ergon.BatchError{Failures: map[int]error{2: errScripted}}
		}))
		after(o, 0, "first")
		one, _ := listening(o, 1, "x")
		two, _ := listening(o, 2, "x")
		three, failed := listening(o, 3, "x")
		if err := <-failed; err == nil {
			t.Error("the third did not fail")
		}
		synctest.Wait()
		if one.all() != "" || two.all() != "x duplicate" || three.all() != "" {
			t.Errorf("heard %q, %q, %q; want only the second to", one.all(), two.all(), three.all())
		}
	})
}

// [I2] Reports of a call that failed as a whole, or panicked, are dropped: each caller dispatches by itself then, which reports anew.
func TestReportsOfACallThatIsMadeAgainAreHeardOnce(t *testing.T) {
	for name, fail := range map[string]func() error{"error": func() error { return errScripted }, "panic": func() error { panic("poison") }} {
		synctest.Test(t, func(t *testing.T) {
			o := unlimited(reporting(func(ctx context.Context, batch []ergon.Transaction) error {
				for _, tx := range batch {
					capability.ReportDispatch(ctx, tx, capability.Duplicate)
				}
				if len(batch) > 1 {
					return fail()
				}
				return nil
			}))
			after(o, 0, "first")
			one, oneDone := listening(o, 1, "a")
			two, twoDone := listening(o, 2, "b")
			if err := errors.Join(<-oneDone, <-twoDone); err != nil {
				t.Error(err)
			}
			if one.all() != "a duplicate" || two.all() != "b duplicate" {
				t.Errorf("%s: heard %q and %q, want each once", name, one.all(), two.all())
			}
		})
	}
}

// [I2] A caller that has left receives no report, also if the connector reports later. The others do.
func TestReportsReachNobodyWhoHasGoneAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		o := unlimited(reporting(func(ctx context.Context, batch []ergon.Transaction) error {
			for _, tx := range batch {
				capability.ReportDispatch(ctx, tx, capability.Duplicate)
			}
			go func() {
				<-late
				capability.ReportDispatch(ctx, batch[len(batch)-1], capability.Conflict)
			}()
			return nil
		}))
		after(o, 0, "first")
		gone := &listener{}
		go func() {
			sleep(1)
			ctx, cancel := context.WithTimeout(gone.context(context.Background()), 1500*time.Millisecond)
			defer cancel()
			_ = o.DispatchTransactions(ctx, transactionsOf("a"))
		}()
		stays, done := listening(o, 2, "b")
		if err := <-done; err != nil {
			t.Error(err)
		}
		close(late)
		synctest.Wait()
		if gone.all() != "" || stays.all() != "b duplicate" {
			t.Errorf("who has gone heard %q, who stayed %q", gone.all(), stays.all())
		}
	})
}

// [I2] However dispatches are joined: a transaction without a report was stored.
func TestWhatWasNotReportedWasStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			queue := memory.New(memory.Settings{Dedup: true, Finite: true})
			o := coalesce.New(reporting(queue.DispatchTransactions), policy.ProducerBatch{
				Size: 1 + random.IntN(8), Interval: time.Duration(random.IntN(500)) * time.Millisecond,
			})
			var callers sync.WaitGroup
			var stored sync.Map // by content
			for range 20 {
				wait := time.Duration(random.IntN(3000)) * time.Millisecond
				var batch []ergon.Transaction
				for range 1 + random.IntN(4) {
					id, content := fmt.Sprint(random.IntN(6)), fmt.Sprint(random.IntN(2))
					batch = append(batch, ergon.NewTransaction(id, content))
				}
				callers.Go(func() {
					sleep(wait)
					l := &listener{}
					if err := o.DispatchTransactions(l.context(context.Background()), batch); err != nil {
						t.Error(err)
					}
					told := map[string]int{}
					for _, h := range l.heard {
						told[strings.Fields(h)[0]]++
					}
					of := map[string]int{}
					for _, tx := range batch {
						of[tx.ID()]++
					}
					for id, n := range of {
						if n > told[id] {
							if _, twice := stored.Swap(id, true); twice || n > told[id]+1 {
								t.Errorf("%s was stored twice, it seems: %d dispatched, %q heard", id, n, l.heard)
							}
						}
					}
				})
			}
			callers.Wait()
			got, err := queue.FetchTransactions(t.Context(), 1000)
			if err != nil && !errors.Is(err, ergon.ErrExhausted) {
				t.Fatal(err)
			}
			for _, tx := range got {
				if _, ok := stored.LoadAndDelete(tx.ID()); !ok {
					t.Errorf("%s was stored, and everybody was told that it was known", tx.ID())
				}
			}
			stored.Range(func(id, _ any) bool {
				t.Errorf("%s is said to be stored and is not there", id)
				return true
			})
		}
	})
}
