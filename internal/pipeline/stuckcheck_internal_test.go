package pipeline

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
)

// [T2] What was given up is looked at after exactly patience, each once and in order, by one timer that is set again as long as
// something waits, and from new when something comes after a pause.
func TestStuckCheckLooksAfterPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		check := &stuckCheck{clock: attempt.NewClock()}
		var mu sync.Mutex // guards noted
		var noted []string
		later := func(name string) {
			check.later(func() {
				mu.Lock()
				defer mu.Unlock()
				noted = append(noted, fmt.Sprintf("%s %s", time.Since(begin), name))
			})
		}
		looks := func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(noted)
		}
		later("a")
		later("b")
		time.Sleep(patience - 1)
		if got := looks(); len(got) != 0 {
			t.Errorf("looked before patience was over: %v", got)
		}
		later("c") // while the timer is set for the others
		time.Sleep(time.Nanosecond)
		if got, want := looks(), []string{"100ms a", "100ms b"}; !slices.Equal(got, want) {
			t.Errorf("at patience: got %v, want %v", got, want)
		}
		time.Sleep(time.Hour)
		later("d")
		time.Sleep(time.Hour)
		want := []string{"100ms a", "100ms b", "199.999999ms c", "1h0m0.2s d"}
		if got := looks(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if check.waiting != nil {
			t.Errorf("%d wait at the end, want none", len(check.waiting))
		}
	})
}
