package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// The leases of these tests are extended after 10, 20 and 30 seconds.
const leaseUnderTest = 40 * time.Second

// leaseRig keeps the leases of flights that nobody runs or settles.
type leaseRig struct {
	leases

	begin   time.Time
	calls   []string                              // of ExtendLeases: "10s a b"
	answer  func(batch []ergon.Transaction) error // what it returns; nil: success
	attempt map[string]*handlerAttempt            // by id: what runs
	waits   map[string]bool                       // by id: what the waiting room has
	ended   []string                              // what was taken out of there: "40s a 7"
	flights map[string]*flight                    // by id
	memory  flightMemory
}

func (r *leaseRig) LeaseDuration() time.Duration { return leaseUnderTest }

// ExtendLeases notes the call.
func (r *leaseRig) ExtendLeases(_ context.Context, batch []ergon.Transaction) error {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	slices.Sort(ids) // a map holds them
	r.calls = append(r.calls, fmt.Sprintf("%s %s", time.Since(r.begin), strings.Join(ids, " ")))
	if r.answer == nil {
		return nil
	}
	return r.answer(batch)
}

// inLeaseRig runs a test in a bubble of virtual time with the leases of a, b and c, which were fetched just now.
func inLeaseRig(t *testing.T, test func(t *testing.T, r *leaseRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &leaseRig{begin: time.Now(), attempt: map[string]*handlerAttempt{}, waits: map[string]bool{}, flights: map[string]*flight{}}
		clock := attempt.NewClock()
		watcher, _, err := newWatcher(Settings{Policy: policy.DefaultConsumer(), Logger: slog.New(slog.DiscardHandler)}, clock, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.memory = flightMemory{once: true, loop: &inherited{clock: clock, values: context.Background()}}
		r.leases = leases{
			keeper: r, duration: leaseUnderTest, size: 100, clock: clock, now: time.Now, hanging: &Hanging{}, watcher: watcher,
			held: map[*flight]*leased{}, shorter: make(chan struct{}, 1), sooner: make(chan struct{}, 1),
			running: func() (at []shown) {
				for _, a := range r.attempt {
					at = append(at, shown{Attempt: a})
				}
				return at
			},
			removeWaiting: func(f *flight) bool { return r.waits[f.tx.ID()] },
			end: func(flights []*flight, event lifecycle.Event) {
				for _, f := range flights {
					r.ended = append(r.ended, fmt.Sprintf("%s %s %d", time.Since(r.begin), f.tx.ID(), event))
				}
			},
		}
		r.hold(r.fetch("a", "b", "c"), clock.Now())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.run(ctx)
		}()
		defer func() {
			stop()
			<-done
		}()
		test(t, r)
	})
}

// fetch makes flights.
func (r *leaseRig) fetch(ids ...string) []*flight {
	txs := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		txs[i] = ergon.NewTransaction(id, nil)
	}
	flights := r.memory.newFlights(txs)
	for _, f := range flights {
		r.flights[f.tx.ID()] = f
	}
	return flights
}

// start makes the handler of a flight run, and returns its context.
func (r *leaseRig) start(id string) context.Context {
	f := r.flights[id]
	r.attempt[id] = &handlerAttempt{home: f.home, tx: f.tx}
	return r.attempt[id]
}

// passes lets time pass until d after the beginning, and everything that is due then happen.
func (r *leaseRig) passes(d time.Duration) {
	time.Sleep(time.Until(r.begin.Add(d)))
	synctest.Wait()
}

// wantLost wants these, and no others, to be lost.
func (r *leaseRig) wantLost(t *testing.T, want ...string) {
	t.Helper()
	var lost []string
	for id, f := range r.flights {
		if f.lost.Load() {
			lost = append(lost, id)
		}
	}
	slices.Sort(lost)
	if !slices.Equal(lost, want) {
		t.Errorf("%s: lost %v, want %v", time.Since(r.begin), lost, want)
	}
}

var errNoExtension = errors.New("scripted: nothing is extended")

// [S5] What is held is extended four times per lease, until it is released: no call has what is settled.
func TestLeasesExtendWhatIsHeld(t *testing.T) {
	inLeaseRig(t, func(t *testing.T, r *leaseRig) {
		r.passes(10*time.Second - 1)
		if len(r.calls) != 0 {
			t.Errorf("extended before a quarter of the lease: %v", r.calls)
		}
		r.passes(10 * time.Second)
		r.release([]*flight{r.flights["a"], r.flights["c"]})
		r.passes(20 * time.Second)
		r.release([]*flight{r.flights["b"]})
		r.passes(10 * leaseUnderTest)
		if diff := cmp.Diff([]string{"10s a b c", "20s b"}, r.calls); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
		if n := len(r.held); n != 0 {
			t.Errorf("%d leases are held at the end, want none", n)
		}
		r.wantLost(t)
	})
}

// [S5] One call has so many; all of them are extended, in as many calls as that takes.
func TestLeasesExtendAllPartsOfWhatIsHeld(t *testing.T) {
	inLeaseRig(t, func(t *testing.T, r *leaseRig) {
		r.size = 2
		r.passes(3 * leaseUnderTest)
		if n, want := len(r.calls), 2*12; n != want {
			t.Errorf("%d calls in three leases of three deliveries, want %d of two at most", n, want)
		}
		r.wantLost(t)
	})
}

// [S5] A lease lasts from the beginning of the call that extended it last. It is lost at its end and not a moment before, whether the
// source fails or the call hangs.
func TestLeaseIsLostAtItsEnd(t *testing.T) {
	for name, answer := range map[string]func() error{
		"fails": func() error { return errNoExtension },
		"hangs": func() error { time.Sleep(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			inLeaseRig(t, func(t *testing.T, r *leaseRig) {
				r.passes(10 * time.Second) // is extended once
				r.answer = func([]ergon.Transaction) error { return answer() }
				r.passes(50*time.Second - 1)
				r.wantLost(t)
				r.passes(50 * time.Second)
				r.wantLost(t, "a", "b", "c")
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// [S5] The source says of one that it was taken back: that one is lost at once. The others were extended.
func TestStaleDeliveryIsLostAtOnce(t *testing.T) {
	inLeaseRig(t, func(t *testing.T, r *leaseRig) {
		r.answer = failuresOf(capability.ErrStaleDelivery, "b")
		r.passes(10 * time.Second)
		r.wantLost(t, "b")
		r.passes(3 * leaseUnderTest)
		r.wantLost(t, "b")
	})
}

// failuresOf fails the extension of those with these ids.
func failuresOf(err error, ids ...string) func([]ergon.Transaction) error {
	return func(batch []ergon.Transaction) error {
		failures := map[int]error{}
		for i, tx := range batch {
			if slices.Contains(ids, tx.ID()) {
				failures[i] = err
			}
		}
		return &ergon.BatchError{Failures: failures}
	}
}

// [S5] What is being settled is left to its settlement: neither a stale extension nor the end of its lease makes it lost.
func TestLeaseThatIsBeingSettledIsNotLost(t *testing.T) {
	for name, err := range map[string]error{"stale": capability.ErrStaleDelivery, "not extended": errNoExtension} {
		t.Run(name, func(t *testing.T) {
			inLeaseRig(t, func(t *testing.T, r *leaseRig) {
				r.settle([]*flight{r.flights["a"], r.flights["b"]})
				r.answer = failuresOf(err, "a", "b", "c")
				r.passes(2 * leaseUnderTest)
				r.wantLost(t, "c")
			})
		})
	}
}

// [S5] [T1] What is lost is fenced. What runs is cancelled, with the reason; what waits ends at once; what does neither is found by
// whoever owns it.
func TestLostLeaseCancelsWhatRunsAndEndsWhatWaits(t *testing.T) {
	inLeaseRig(t, func(t *testing.T, r *leaseRig) {
		running := r.start("a")
		r.waits["a"], r.waits["b"] = true, true // what runs is not looked for there
		r.answer = func([]ergon.Transaction) error { return errNoExtension }
		r.passes(leaseUnderTest - 1)
		if running.Err() != nil || len(r.ended) != 0 {
			t.Errorf("before its end: the handler's context ended with %v, %v were taken out", running.Err(), r.ended)
		}
		r.passes(leaseUnderTest)
		r.wantLost(t, "a", "b", "c")
		if !errors.Is(running.Err(), context.Canceled) || !errors.Is(context.Cause(running), capability.ErrStaleDelivery) {
			t.Errorf("the handler's context ended with %v, cause %v; want a cancellation for a stale delivery",
				running.Err(), context.Cause(running))
		}
		if want := []string{fmt.Sprintf("40s b %d", lifecycle.LeaseLost)}; !slices.Equal(r.ended, want) {
			t.Errorf("got %v taken out of where it waited, want %v", r.ended, want)
		}
	})
}

// [S5] The beginning of a fetch that took long says little about the beginning of its leases: they are taken for half as long, from its
// end. Exactly half a lease is the bound.
func TestLeaseOfALongFetchIsTakenForHalfAsLong(t *testing.T) {
	for took, lasts := range map[time.Duration]time.Duration{
		leaseUnderTest/2 - 1: leaseUnderTest/2 + 1, leaseUnderTest / 2: leaseUnderTest / 2, 3 * leaseUnderTest: leaseUnderTest / 2,
	} {
		t.Run(took.String(), func(t *testing.T) {
			inLeaseRig(t, func(t *testing.T, r *leaseRig) {
				r.release([]*flight{r.flights["a"], r.flights["b"], r.flights["c"]})
				r.answer = func([]ergon.Transaction) error { return errNoExtension }
				began := r.clock.Now()
				r.passes(took)
				r.hold(r.fetch("d"), began)
				r.passes(took + lasts - 1)
				r.wantLost(t)
				r.passes(took + lasts)
				r.wantLost(t, "d")
			})
		})
	}
}
