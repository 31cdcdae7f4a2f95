package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
	memory  flightMemory
	flights map[string]*flight // by id

	rigMu    sync.Mutex                            // guards what follows
	calls    []string                              // of ExtendLeases: "10s a b"
	answer   func(batch []ergon.Transaction) error // what it returns; nil: success
	attempts map[string]*handlerAttempt            // that run, by id
	waiting  map[string]bool                       // by id: what the waiting room has
	ended    []string                              // what was taken out of there: "40s a 7"
}

func (r *leaseRig) LeaseDuration() time.Duration { return leaseUnderTest }

// ExtendLeases notes the call.
func (r *leaseRig) ExtendLeases(_ context.Context, batch []ergon.Transaction) error {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	slices.Sort(ids) // a map holds them
	r.rigMu.Lock()
	r.calls = append(r.calls, fmt.Sprintf("%s %s", time.Since(r.begin), strings.Join(ids, " ")))
	answer := r.answer
	r.rigMu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(batch)
}

// answers makes extensions return what f does.
func (r *leaseRig) answers(f func(batch []ergon.Transaction) error) {
	r.rigMu.Lock()
	defer r.rigMu.Unlock()
	r.answer = f
}

// extensions are the calls so far.
func (r *leaseRig) extensions() []string {
	r.rigMu.Lock()
	defer r.rigMu.Unlock()
	return slices.Clone(r.calls)
}

// takenOut is what was taken out of the waiting room.
func (r *leaseRig) takenOut() []string {
	r.rigMu.Lock()
	defer r.rigMu.Unlock()
	return slices.Clone(r.ended)
}

// wait makes flights wait.
func (r *leaseRig) wait(ids ...string) {
	r.rigMu.Lock()
	defer r.rigMu.Unlock()
	for _, id := range ids {
		r.waiting[id] = true
	}
}

// inLeaseRig runs a test in a bubble of virtual time with the leases of a, b and c, which were fetched just now. One call
// extends at most size of them.
func inLeaseRig(t *testing.T, size int, test func(t *testing.T, r *leaseRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &leaseRig{begin: time.Now(), attempts: map[string]*handlerAttempt{}, waiting: map[string]bool{}, flights: map[string]*flight{}}
		clock := attempt.NewClock()
		watcher, _, err := newWatcher(Settings{Policy: policy.DefaultConsumer(), Logger: slog.New(slog.DiscardHandler)}, clock, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.memory = flightMemory{once: true, loop: &inherited{clock: clock, values: context.Background()}}
		r.leases = leases{
			keeper: r, duration: leaseUnderTest, size: size, clock: clock, now: time.Now, hanging: &Hanging{}, watcher: watcher,
			held: map[*flight]*leased{}, shorter: make(chan struct{}, 1), sooner: make(chan struct{}, 1),
			running: func() (at []shown) {
				r.rigMu.Lock()
				defer r.rigMu.Unlock()
				for _, a := range r.attempts {
					at = append(at, shown{Attempt: a})
				}
				return at
			},
			removeWaiting: func(f *flight) bool {
				r.rigMu.Lock()
				defer r.rigMu.Unlock()
				return r.waiting[f.tx.ID()]
			},
			end: func(flights []*flight, event lifecycle.Event) {
				r.rigMu.Lock()
				defer r.rigMu.Unlock()
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
	a := &handlerAttempt{home: f.home, tx: f.tx}
	r.rigMu.Lock()
	defer r.rigMu.Unlock()
	r.attempts[id] = a
	return a
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
	inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
		r.passes(10*time.Second - 1)
		if calls := r.extensions(); len(calls) != 0 {
			t.Errorf("extended before a quarter of the lease: %v", calls)
		}
		r.passes(10 * time.Second)
		r.release([]*flight{r.flights["a"], r.flights["c"]})
		r.passes(20 * time.Second)
		r.release([]*flight{r.flights["b"]})
		r.passes(10 * leaseUnderTest)
		if diff := cmp.Diff([]string{"10s a b c", "20s b"}, r.extensions()); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.held); n != 0 {
			t.Errorf("%d leases are held at the end, want none", n)
		}
		r.wantLost(t)
	})
}

// [S5] One call has so many; all of them are extended, in as many calls as that takes.
func TestLeasesExtendAllPartsOfWhatIsHeld(t *testing.T) {
	inLeaseRig(t, 2, func(t *testing.T, r *leaseRig) {
		r.passes(3 * leaseUnderTest)
		if n, want := len(r.extensions()), 2*12; n != want {
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
			inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
				r.passes(10 * time.Second) // is extended once
				r.answers(func([]ergon.Transaction) error { return answer() })
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
	inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
		r.answers(failuresOf(capability.ErrStaleDelivery, "b"))
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
			inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
				r.settle([]*flight{r.flights["a"], r.flights["b"]})
				r.answers(failuresOf(err, "a", "b", "c"))
				r.passes(2 * leaseUnderTest)
				r.wantLost(t, "c")
			})
		})
	}
}

// [S5] [T1] What is lost is fenced. What runs is cancelled, with the reason; what waits ends at once; what does neither is found by
// whoever owns it.
func TestLostLeaseCancelsWhatRunsAndEndsWhatWaits(t *testing.T) {
	inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
		running := r.start("a")
		r.wait("a", "b") // what runs is not looked for there
		r.answers(func([]ergon.Transaction) error { return errNoExtension })
		r.passes(leaseUnderTest - 1)
		if ended := r.takenOut(); running.Err() != nil || len(ended) != 0 {
			t.Errorf("before its end: the handler's context ended with %v, %v were taken out", running.Err(), ended)
		}
		r.passes(leaseUnderTest)
		r.wantLost(t, "a", "b", "c")
		if !errors.Is(running.Err(), context.Canceled) || !errors.Is(context.Cause(running), capability.ErrStaleDelivery) {
			t.Errorf("the handler's context ended with %v, cause %v; want a cancellation for a stale delivery",
				running.Err(), context.Cause(running))
		}
		if want := []string{fmt.Sprintf("40s b %d", lifecycle.LeaseLost)}; !slices.Equal(r.takenOut(), want) {
			t.Errorf("got %v taken out of where it waited, want %v", r.takenOut(), want)
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
			inLeaseRig(t, 100, func(t *testing.T, r *leaseRig) {
				r.release([]*flight{r.flights["a"], r.flights["b"], r.flights["c"]})
				r.answers(func([]ergon.Transaction) error { return errNoExtension })
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
