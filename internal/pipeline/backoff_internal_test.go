package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// waits is what waits between two attempts, without a loop: backoffs, their waiting room, and the pool that it hands over to.
type waits struct {
	backoffs

	pool  *bench
	gate  fetchGate
	order order
}

// newWaits waits for backoff before each attempt. Its pool runs one flight at a time, for no time.
func newWaits(t *testing.T, backoff time.Duration) *waits {
	t.Helper()
	w := &waits{pool: newBench(t, policy.ExecutionAsync, 1, func(*worker, *flight) bool { return true })}
	c := w.pool.stats.clock
	room := &waitingRoom{clock: c, gate: &w.gate, pool: w.pool.pool}
	room.capacity = &capacity{stats: w.pool.stats, slots: &w.pool.limit, waiting: &room.count, held: &w.order.count}
	room.capacity.init(policy.Consumer{})
	room.outage = newOutage(policy.Outage{}, c, room.capacity, w.pool, func(bool) {})
	var p policy.Consumer
	p.Process.Retry = policy.Retry{MaxAttempts: 5, Timeout: time.Minute, Backoff: backoff}
	p.Loop.TransactionTimeout = time.Hour
	w.backoffs = backoffs{
		plan: newPlan(Settings{Policy: p}, 0), clock: c, stats: w.pool.stats, capacity: room.capacity, stall: &stallDetector{clock: c},
		outage: room.outage, waiting: room, shutdown: &shutdown{started: make(chan struct{})},
	}
	return w
}

// failedOnce is a flight before its second attempt.
func failedOnce(err error) *flight {
	return &flight{
		state: lifecycle.State{Phase: lifecycle.Process, Attempt: 2}, failure: &failure{first: foreign.Read(err), last: foreign.Read(err)},
	}
}

// A backoff of longestInSlot is waited out where it is; a longer one outside of the pool, which runs the flight when it is due.
func TestLongBackoffsWaitBesideThePool(t *testing.T) {
	for _, backoff := range []time.Duration{0, longestInSlot, longestInSlot + 1} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			w, f := newWaits(t, backoff), failedOnce(errors.New("no"))
			event, beside := w.wait(f)
			took := time.Since(begin)
			if long := backoff > longestInSlot; event != lifecycle.OK || beside != long || long && took != 0 || !long && took != backoff {
				t.Fatalf("a backoff of %s came to %s, beside the pool: %t, after %s", backoff, event, beside, took)
			}
			if !beside {
				return
			}
			time.Sleep(backoff - 1)
			synctest.Wait()
			if n := len(w.pool.order()); n != 0 || w.waiting.count.Load() != 1 {
				t.Errorf("%d flights began before their time", n)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if !slices.Equal(w.pool.order(), []*flight{f}) || w.waiting.count.Load() != 0 {
				t.Error("the flight did not begin when it was due")
			}
		})
	}
}

// The delay that an error asks for replaces the policy's.
func TestBackoffIsTheErrorsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := newWaits(t, time.Hour)
		event, beside := w.wait(failedOnce(ergon.RetryAfter(errors.New("no"), 70*time.Millisecond)))
		if took := time.Since(begin); event != lifecycle.OK || beside || took != 70*time.Millisecond {
			t.Errorf("the wait came to %s after %s, beside the pool: %t; want ok after 70 ms", event, took, beside)
		}
	})
}

// [T3] A backoff that leaves the transaction no time for another attempt is not begun.
func TestBackoffEndsBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaits(t, time.Second)
		for _, left := range []time.Duration{time.Second, time.Second + 1} {
			begin, f := time.Now(), failedOnce(errors.New("no"))
			f.deadline = w.clock.Now().After(left)
			event, _ := w.wait(f)
			took, last := time.Since(begin), f.failure.last
			switch {
			case left > time.Second && (event != lifecycle.OK || took != time.Second):
				t.Errorf("with %s left the wait came to %s after %s, want ok after 1s", left, event, took)
			case left == time.Second && (event != lifecycle.OutOfTime || took != 0 || !strings.Contains(last.Error(), "1h0m0s")):
				t.Errorf("with %s left the wait came to %s after %s: %v; want out of time at once", left, event, took, last)
			}
		}
	})
}

// [R1] A shutdown ends the backoffs that workers wait out.
func TestShutdownEndsABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := newWaits(t, time.Second)
		time.AfterFunc(300*time.Millisecond, func() { close(w.shutdown.started) })
		event, beside := w.wait(failedOnce(errors.New("no")))
		if took := time.Since(begin); event != lifecycle.Interrupted || beside || took != 300*time.Millisecond {
			t.Errorf("the wait came to %s after %s, want interrupted after 300 ms", event, took)
		}
	})
}

// The waiting room hands flights over in the order in which they are due. In a pause it keeps them, and takes back what has not begun.
func TestWaitingRoomHandsOverWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, flights := newWaits(t, 0), flightsOf(4)
		room := w.waiting
		for i, f := range flights {
			room.enter(f, w.clock.Now().After(time.Duration(4-i)*time.Second))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.pool.order(); !slices.Equal(got, []*flight{flights[3], flights[2]}) {
			t.Errorf("%d flights began after two seconds, want the two that are due, the first that was due first", len(got))
		}
		w.pool.setLimit(0)
		time.Sleep(time.Second) // the third is handed over, and has no worker
		w.gate.pause()
		room.takeBack()
		if n := room.count.Load(); n != 2 {
			t.Errorf("%d flights wait in a pause, want 2: one of them was taken back", n)
		}
		w.pool.setLimit(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(w.pool.order()); n != 2 {
			t.Errorf("%d flights began in a pause", n-2)
		}
		w.gate.resume()
		room.call()
		synctest.Wait()
		if n := len(w.pool.order()); n != 4 {
			t.Errorf("%d flights began after the pause, want the other 2", n-2)
		}
	})
}

// Whoever takes a flight out of the waiting room has it: nobody else does.
func TestWaitingRoomGivesEachFlightOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, flights := newWaits(t, 0), flightsOf(3)
		room := w.waiting
		for _, f := range flights {
			room.enter(f, w.clock.Now().After(time.Second))
		}
		if !room.remove(flights[1]) || room.remove(flights[1]) {
			t.Error("a flight could not be taken out once")
		}
		flights[1].lost.Store(true)
		if event, waits := room.enter(flights[1], 0); waits || event != lifecycle.LeaseLost {
			t.Errorf("a flight that is lost waits: %s", event)
		}
		if got := room.close(); len(got) != 2 {
			t.Errorf("%d flights were taken out at the end, want 2", len(got))
		}
		if event, waits := room.enter(flights[0], 0); waits || event != lifecycle.Interrupted {
			t.Errorf("a flight waits after the end: %s", event)
		}
		time.Sleep(time.Minute)
		if n := len(w.pool.order()); n != 0 {
			t.Errorf("%d flights that were taken out began", n)
		}
	})
}
