package bench_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
)

// counted is work that counts its calls, so that a contestant's word is not all there is.
func counted(work bench.Work) (counting bench.Work, processed, succeeded *atomic.Int64) {
	processed, succeeded = new(atomic.Int64), new(atomic.Int64)
	counting.Process = func(ctx context.Context) error {
		processed.Add(1)
		return work.Process(ctx)
	}
	if work.Success != nil {
		counting.Success = func(ctx context.Context) error {
			succeeded.Add(1)
			return work.Success(ctx)
		}
	}
	return counting, processed, succeeded
}

func TestEveryContestantTakesEveryItemThroughBothCallsOnce(t *testing.T) {
	for _, c := range bench.Lifecycle() {
		t.Run(c.Name, func(t *testing.T) {
			for _, items := range []int{0, 1, 99, 2_345} {
				takesEveryItemThrough(t, c, items)
			}
		})
	}
}

func takesEveryItemThrough(t *testing.T, c bench.Contestant, items int) {
	t.Helper()
	work, processed, succeeded := counted(bench.Noop())
	got, err := c.Run(t.Context(), items, work)
	if err != nil {
		t.Fatal(err)
	}
	want := int64(items)
	if int64(got) != want || processed.Load() != want || succeeded.Load() != want {
		t.Errorf("of %d items %d were reported, %d processed and %d handled as a success",
			items, got, processed.Load(), succeeded.Load())
	}
}

func TestEveryContestantMakesAsManyAttemptsAsItSays(t *testing.T) {
	const items = 10
	for _, c := range bench.Lifecycle() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				work, processed, succeeded := counted(bench.Work{
					Process: func(context.Context) error { return errors.New("no") },
				})
				got, err := c.Run(t.Context(), items, work)
				if err != nil {
					t.Fatal(err)
				}
				if got != 0 || succeeded.Load() != 0 {
					t.Errorf("%d reported and %d handled as a success, although all failed", got, succeeded.Load())
				}
				if want := int64(items * c.Attempts); processed.Load() != want {
					t.Errorf("%d calls of %d items, want %d attempts each", processed.Load(), items, c.Attempts)
				}
			})
		})
	}
}

func TestEveryContestantKeepsItsDeadlineAsItSays(t *testing.T) {
	const stuck = time.Hour // longer than all attempts with their backoffs
	for _, c := range bench.Lifecycle() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cancelled atomic.Bool
				work := bench.Noop()
				work.Process = func(ctx context.Context) error {
					time.Sleep(stuck)
					if ctx.Err() != nil {
						cancelled.Store(true)
					}
					return nil
				}
				start := time.Now()
				if _, err := c.Run(t.Context(), 1, work); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); (took < stuck) != (c.Deadline == bench.DeadlineHard) {
					t.Errorf("took %s over a call of %s, although its deadline is %s", took, stuck, c.Deadline)
				}
				time.Sleep(2 * stuck)
				synctest.Wait()
				if want := c.Deadline != bench.DeadlineNone; cancelled.Load() != want {
					t.Errorf("the call's context has ended: %t, want %t, because the deadline is %s", cancelled.Load(), want, c.Deadline)
				}
			})
		})
	}
}
