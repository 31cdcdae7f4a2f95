package attempt_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
)

// watched is an attempt of a watchdog. What its slot carries is its name.
type watched struct{ attempt.Attempt }

// dogFixture is a watchdog and what it has expired: "1s a b".
type dogFixture struct {
	*attempt.Watchdog[watched, string]

	clock attempt.Clock
	begin time.Time

	mu      sync.Mutex // guards what follows
	expired []string
}

func newDogFixture() *dogFixture {
	d := &dogFixture{clock: attempt.NewClock(), begin: time.Now()}
	d.Watchdog = attempt.NewWatchdog(d.clock, func(w *watched) *attempt.Attempt { return &w.Attempt },
		func(due []attempt.Shown[watched, string]) {
			d.mu.Lock()
			defer d.mu.Unlock()
			text := time.Since(d.begin).String()
			for _, one := range due {
				text += " " + one.Slot.Carried
			}
			d.expired = append(d.expired, text)
		})
	return d
}

// show makes an attempt in a slot that ends after some time; 0 for no deadline.
func (d *dogFixture) show(slot int, name string, after time.Duration) *watched {
	s := d.Slot(slot)
	s.Carried = name
	w := s.Next()
	if after > 0 {
		w.Until = d.clock.Now().After(after)
	}
	s.Show(w.Until)
	return w
}

// passes lets time pass until d after the beginning, and wants these to have expired by then. A call for nothing does not count: the
// timer may fire in vain.
func (d *dogFixture) passes(t *testing.T, until time.Duration, want ...string) {
	t.Helper()
	time.Sleep(time.Until(d.begin.Add(until)))
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	got := slices.DeleteFunc(slices.Clone(d.expired), func(text string) bool {
		var after, name string
		n, _ := fmt.Sscan(text, &after, &name)
		return n < 2
	})
	if !slices.Equal(got, want) {
		t.Errorf("after %s: expired %q, want %q", until, got, want)
	}
}

// [T1] Each attempt expires at its own deadline, and not a moment before, in whatever order they were shown: the one timer is set again as
// long as something is shown, and by the next that is.
func TestWatchdogExpiresEachAttemptAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDogFixture()
		d.show(0, "a", 2*time.Second)
		d.show(1, "b", 4*time.Second)
		d.show(2, "c", time.Second) // earlier than what the timer was set to
		d.show(3, "never", 0)
		d.passes(t, time.Second-1)
		d.passes(t, time.Second, "1s c")
		d.passes(t, 2*time.Second-1, "1s c")
		d.passes(t, 2*time.Second, "1s c", "2s a")
		d.passes(t, 4*time.Second-1, "1s c", "2s a")
		d.passes(t, 4*time.Second, "1s c", "2s a", "4s b")
		d.passes(t, time.Hour, "1s c", "2s a", "4s b")
		d.show(0, "d", time.Second)
		d.passes(t, time.Hour+time.Second-1, "1s c", "2s a", "4s b")
		d.passes(t, time.Hour+time.Second, "1s c", "2s a", "4s b", "1h0m1s d")
		d.Stop()
	})
}

// [T1] What has returned or is abandoned does not expire. The timer that was set for it serves the others all the same.
func TestWatchdogLeavesAloneWhatIsDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDogFixture()
		if returned := d.show(0, "returned", time.Second); !returned.Return() {
			t.Error("an attempt that runs cannot return")
		}
		if abandoned := d.show(1, "abandoned", time.Second); !abandoned.Abandon() {
			t.Error("an attempt that runs cannot be abandoned")
		}
		runs := d.show(2, "runs", 3*time.Second)
		d.passes(t, 3*time.Second-1)
		var running []string
		for shown := range d.Running {
			running = append(running, shown.Slot.Carried)
		}
		if !slices.Equal(running, []string{"runs"}) || !runs.Running() {
			t.Errorf("%v are running, want the one", running)
		}
		d.passes(t, 3*time.Second, "3s runs")
		if runs.Return() || !runs.GivenUp() {
			t.Error("an attempt that has expired can return")
		}
		d.Stop()
	})
}

// [T1] What is due at one time is expired in one call. A stopped watchdog expires nothing, until something is shown.
func TestWatchdogExpiresTogetherWhatIsDueTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDogFixture()
		want := "1s"
		for i := range attempt.SlotsPerWatchdog {
			name := fmt.Sprint(i)
			d.show(i, name, time.Second)
			want += " " + name
		}
		d.passes(t, time.Second, want)
		d.show(0, "a", time.Second)
		d.Stop()
		d.passes(t, 10*time.Second, want)
		d.show(1, "b", time.Second)
		d.passes(t, 11*time.Second-1, want)
		d.passes(t, 11*time.Second, want, "11s a b")
		d.Stop()
	})
}
