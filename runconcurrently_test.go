package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
)

// sleeps takes as long as its input says, without heeding its context, and returns that.
func sleeps(_ context.Context, d time.Duration) (time.Duration, error) {
	time.Sleep(d)
	return d, nil
}

func seconds(all ...int) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for _, s := range all {
			if !yield(time.Duration(s) * time.Second) {
				return
			}
		}
	}
}

// counted yields 0, 1, 2 … without end and counts what was taken of it.
func counted(taken *atomic.Int32) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			taken.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

func same(_ context.Context, i int) (int, error) { return i, nil }

func called(ctx context.Context, fn func(context.Context) (string, error)) (string, error) {
	return fn(ctx)
}

// timeline ranges over results and returns each with the time at which it came.
func timeline[Out any](results iter.Seq[ergon.Result[Out]]) []string {
	var lines []string
	start := time.Now()
	for r := range results {
		if r.Err != nil {
			lines = append(lines, fmt.Sprintf("%s: #%d %v", time.Since(start), r.Index, r.Err))
		} else {
			lines = append(lines, fmt.Sprintf("%s: #%d %v", time.Since(start), r.Index, r.Value))
		}
	}
	return lines
}

func expectTimeline(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestResultsComeInTheOrderOfCompletionAndRoomIsUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := timeline(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, seconds(6, 1, 2, 1, 3), sleeps))
		expectTimeline(t, got, "1s: #1 1s", "3s: #2 2s", "4s: #3 1s", "6s: #0 6s", "7s: #4 3s")
	})
}

func TestOneAtATimeKeepsTheOrderOfTheInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := timeline(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 1}, seconds(3, 1, 2), sleeps))
		expectTimeline(t, got, "3s: #0 3s", "4s: #1 1s", "6s: #2 2s")
	})
}

func TestNoInputsAreNoResults(t *testing.T) {
	expectTimeline(t, timeline(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, seconds(), sleeps)))
}

func TestResultsCanBeRangedOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		results := ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 1}, seconds(1), sleeps)
		expectTimeline(t, timeline(results), "1s: #0 1s")
		expectTimeline(t, timeline(results), "1s: #0 1s")
	})
}

func TestInputIsTakenOnlyWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int32
		fn := func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				time.Sleep(time.Second)
				return 0, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}
		next, stop := iter.Pull(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 3}, counted(&taken), fn))
		defer stop()
		go func() {
			synctest.Wait()
			if got := taken.Load(); got != 3 {
				t.Errorf("%d inputs taken while three calls are in flight, want 3", got)
			}
		}()
		if first, ok := next(); !ok || first.Index != 0 {
			t.Fatalf("got %+v, %v", first, ok)
		}
		synctest.Wait()
		if got := taken.Load(); got != 4 {
			t.Errorf("%d inputs taken after one call returned, want 4", got)
		}
	})
}

func TestSlowRangeHoldsUpTheInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int32
		for range ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, counted(&taken), same) {
			time.Sleep(time.Hour)
			break
		}
		if got := taken.Load(); got > 5 { // one is ranged over, two wait, two have no place to wait in
			t.Errorf("%d inputs were taken while one result was looked at, want at most 5", got)
		}
	})
}

func TestNeverMoreThanValueAreInFlight(t *testing.T) {
	const value = 5
	var inFlight, most atomic.Int32
	inputs := slices.Values(make([]int, 2000))
	got := ergon.Collect(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: value}, inputs, func(context.Context, int) (int, error) {
		now := inFlight.Add(1)
		defer inFlight.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		runtime.Gosched()
		return 1, nil
	}))
	if got.Succeeded != 2000 || most.Load() > value || most.Load() < 2 {
		t.Errorf("%d succeeded, at most %d at once, want 2000 and from 2 to %d", got.Succeeded, most.Load(), value)
	}
}

func TestMemoryDoesNotGrowWithTheNumberOfInputs(t *testing.T) {
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	var taken atomic.Int32
	var early uint64
	seen := 0
	limits := ergon.Limits{Value: 8, Limit: 20_000}
	kilobyte := func(context.Context, int) ([]byte, error) { return make([]byte, 1024), nil }
	for range ergon.RunConcurrently(t.Context(), limits, counted(&taken), kilobyte) {
		seen++
		if seen == 1000 {
			early = heap()
		}
	}
	if late := heap(); late > early+1<<20 {
		t.Errorf("heap grew from %d to %d bytes over %d results", early, late, seen)
	}
}

func TestLimitIsExact(t *testing.T) {
	for _, limit := range []int{1, 2, 7} {
		var taken atomic.Int32
		limits := ergon.Limits{Value: 2, Limit: limit}
		got := ergon.Collect(ergon.RunConcurrently(t.Context(), limits, counted(&taken), same))
		if got.Succeeded != limit || int(taken.Load()) != limit || got.Errors != nil {
			t.Errorf("limit %d: %d inputs taken, %+v", limit, taken.Load(), got)
		}
	}
}

// [T1]
func TestCallThatIgnoresItsContextTimesOutAndItsPlaceIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := ergon.Limits{Value: 1, Timeout: 10 * time.Second}
		inputs := func(yield func(time.Duration) bool) {
			_ = yield(10*time.Second-1) && yield(time.Hour) && yield(10*time.Second) && yield(time.Second)
		}
		got := timeline(ergon.RunConcurrently(t.Context(), limits, inputs, sleeps))
		expectTimeline(t, got,
			"9.999999999s: #0 9.999999999s",
			"19.999999999s: #1 TIMEOUT: attempt timeout: no result within 10s",
			"29.999999999s: #2 TIMEOUT: attempt timeout: no result within 10s",
			"30.999999999s: #3 1s")
		time.Sleep(time.Hour) // until the abandoned call has ended
	})
}

func TestTooManyCallsThatDoNotReturnEndIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := ergon.Limits{Value: 2, Timeout: 10 * time.Second}
		got := timeline(ergon.RunConcurrently(t.Context(), limits, seconds(3600, 3600, 3600, 3600, 1, 1), sleeps))
		slices.Sort(got)
		timeout := "TIMEOUT: attempt timeout: no result within 10s"
		expectTimeline(t, got, "10s: #0 "+timeout, "10s: #1 "+timeout, "20s: #2 "+timeout, "20s: #3 "+timeout,
			"30s: #-1 SYSTEM: no input was taken after the first 4: too many calls ignore their context: "+
				"they timed out and still have not returned")
		time.Sleep(time.Hour) // until the abandoned calls have ended
	})
}

func TestCallsThatReturnLateMakeRoomAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := ergon.Limits{Value: 1, Timeout: 10 * time.Second}
		got := timeline(ergon.RunConcurrently(t.Context(), limits, seconds(29, 15, 1), sleeps))
		timeout := "TIMEOUT: attempt timeout: no result within 10s"
		expectTimeline(t, got, "10s: #0 "+timeout, "20s: #1 "+timeout, "26s: #2 1s") // #1 came back at 25 s
		time.Sleep(time.Hour)                                                        // until the abandoned call has ended
	})
}

// [R2]
func TestEndOfTheContextGivesUpCallsAndSaysThatInputsAreMissing(t *testing.T) {
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := end.after(t.Context(), 5*time.Second)
				var results []ergon.Result[time.Duration]
				start := time.Now()
				for r := range ergon.RunConcurrently(ctx, ergon.Limits{Value: 2}, seconds(1, 3600, 3600, 1), sleeps) {
					results = append(results, r)
				}
				expectElapsed(t, start, 5*time.Second)
				if len(results) != 4 || results[0].Err != nil || results[3].Index != -1 {
					t.Fatalf("got %v, want a value, two errors and the end", results)
				}
				for _, r := range results[1:] {
					end.check(t, r.Err)
				}
				if got, want := results[3].Err.Error(), "no input was taken after the first 3: "; !strings.Contains(got, want) {
					t.Errorf("the last one is %q, want it to say %q", got, want)
				}
				time.Sleep(time.Hour) // until the abandoned calls have ended
			})
		})
	}
}

func TestContextThatHasEndedTakesNoInput(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var taken atomic.Int32
	got := timeline(ergon.RunConcurrently(ctx, ergon.Limits{Value: 2}, counted(&taken), same))
	want := "#-1 SYSTEM: no input was taken after the first 0: context canceled"
	if len(got) != 1 || !strings.HasSuffix(got[0], want) || taken.Load() != 0 {
		t.Errorf("%d inputs taken: %v", taken.Load(), got)
	}
}

func TestInputsThatBlockAreNotWaitedFor(t *testing.T) {
	blocked := func(release <-chan struct{}) iter.Seq[time.Duration] {
		return func(yield func(time.Duration) bool) {
			if yield(time.Second) {
				<-release
				yield(time.Second)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		fn := func(ctx context.Context, d time.Duration) (time.Duration, error) {
			calls.Add(1)
			return sleeps(ctx, d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		got := timeline(ergon.RunConcurrently(ctx, ergon.Limits{Value: 2}, blocked(release), fn))
		expectTimeline(t, got, "1s: #0 1s", "5s: #-1 SYSTEM: no input was taken after the first 1: context deadline exceeded")
		start := time.Now()
		for range ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, blocked(release), fn) {
			break
		}
		expectElapsed(t, start, time.Second)
		close(release)
		synctest.Wait()
		if got := calls.Load(); got != 2 {
			t.Errorf("%d calls, want none for what was yielded too late", got)
		}
	})
}

func TestBreakingOutCancelsTheRestAndWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var causes []error
		inputs := slices.Values([]string{"first", "heeds", "ignores", "never started"})
		start := time.Now()
		fn := func(ctx context.Context, what string) (string, error) {
			switch what {
			case "first":
				time.Sleep(time.Second)
			case "heeds":
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				causes = append(causes, context.Cause(ctx))
			default:
				time.Sleep(time.Hour)
			}
			return what, nil
		}
		for r := range ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 3}, inputs, fn) {
			if r.Value != "first" {
				t.Errorf("got %+v", r)
			}
			break
		}
		expectElapsed(t, start, time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(causes) != 1 || causes[0].Error() != "the range over the results has ended" {
			t.Errorf("causes are %v", causes)
		}
		time.Sleep(2 * time.Hour) // until the abandoned calls have ended
	})
}

func TestPanicInTheBodyOfTheRangeEndsTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if got := recover(); got != "oh no" {
				t.Errorf("recovered %v", got)
			}
			synctest.Wait() // the bubble fails where a call stays behind
		}()
		fn := func(ctx context.Context, d time.Duration) (int, error) {
			if d > 0 {
				<-ctx.Done()
			}
			return 0, nil
		}
		for range ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, seconds(0, 1), fn) {
			panic("oh no")
		}
	})
}

// [R2]
func TestCrashesAndErrorsAreResults(t *testing.T) {
	inputs := slices.Values([]func(context.Context) (string, error){
		returns("fine"), panics("oh no"), exits, fails(ergon.Business(errBoom)), fails(errBoom), returns("fine too"),
	})
	got := ergon.Collect(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, inputs, called))
	if diff := cmp.Diff([]string{"fine", "", "", "", "", "fine too"}, got.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if got.Succeeded != 2 || got.Business != 1 || got.System != 3 || got.Timeout != 0 || len(got.Errors) != 4 {
		t.Errorf("got %+v", got)
	}
	failed := asTransactionError(t, got.Errors[1])
	if failed.Stack == nil || failed.Attempts != 1 || failed.Error() != "SYSTEM: panic: oh no" {
		t.Errorf("the panic is %v", failed)
	}
	if failed := asTransactionError(t, got.Errors[2]); failed.Stack == nil || !strings.Contains(failed.Error(), "Goexit") {
		t.Errorf("the Goexit is %v", failed)
	}
	if !errors.Is(got.Errors[3], errBoom) || got.Errors[3].Error() != "BUSINESS: boom" {
		t.Errorf("the refusal is %v", got.Errors[3])
	}
}

func TestInputsThatCrashEndIt(t *testing.T) {
	for want, crash := range map[string]func(){
		"SYSTEM: no input was taken after the first 1: inputs: panic: oh no":                   func() { panic("oh no") },
		"SYSTEM: no input was taken after the first 1: inputs: function ended its goroutine (": runtime.Goexit,
	} {
		got := timeline(ergon.RunConcurrently(t.Context(), ergon.Limits{Value: 2}, func(yield func(time.Duration) bool) {
			yield(0)
			crash()
		}, sleeps))
		if len(got) != 2 || !strings.HasSuffix(got[0], "#0 0s") || !strings.Contains(got[1], "#-1 "+want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestInvalidLimitsAreOneResult(t *testing.T) {
	for want, limits := range map[string]ergon.Limits{
		"Value is 0, must be at least 1 (nothing could run)":  {},
		"Value is 1073741824, must be at most 536870912":      {Value: 1 << 30},
		"Timeout is -1s, must not be negative (0 means none)": {Value: 1, Timeout: -time.Second},
		"Limit is -1, must not be negative (0 means all)":     {Value: 1, Limit: -1},
	} {
		got := ergon.Collect(ergon.RunConcurrently(t.Context(), limits, seconds(1), sleeps))
		if len(got.Errors) != 1 || got.Errors[-1] == nil || got.Errors[-1].Error() != "ergon.RunConcurrently: "+want || got.Values != nil {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
	got := ergon.Collect(ergon.RunConcurrently[int, int](t.Context(), ergon.Limits{}, nil, nil))
	if lines := strings.Split(fmt.Sprint(got.Errors[-1]), "\n"); len(lines) != 3 {
		t.Errorf("got %q, want all three faults", lines)
	}
}

func TestCollectedCountsByOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := ergon.Limits{Value: 4, Timeout: time.Second}
		inputs := slices.Values([]func(context.Context) (string, error){
			takes(500*time.Millisecond, "a"), takes(time.Minute, "late"), returns("c"), fails(ergon.Business(errBoom)), fails(errBoom),
		})
		got := ergon.Collect(ergon.RunConcurrently(t.Context(), limits, inputs, called))
		if diff := cmp.Diff([]string{"a", "", "c", "", ""}, got.Values); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
		if got.Succeeded != 2 || got.Timeout != 1 || got.Business != 1 || got.System != 1 || got.Errors[0] != nil {
			t.Errorf("got %+v", got)
		}
		time.Sleep(time.Hour) // until the abandoned call has ended
	})
}

func BenchmarkRunConcurrently(b *testing.B) {
	inputs := func(n int) iter.Seq[int] {
		return func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		}
	}
	for name, limits := range map[string]ergon.Limits{
		"64":              {Value: 64},
		"64 with timeout": {Value: 64, Timeout: time.Minute},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range ergon.RunConcurrently(b.Context(), limits, inputs(b.N), same) {
			}
		})
	}
	b.Run("semaphore of 64", func(b *testing.B) {
		b.ReportAllocs()
		places, results := make(chan struct{}, 64), make(chan int, 64)
		go func() {
			for i := range b.N {
				places <- struct{}{}
				go func() {
					i, _ := same(b.Context(), i)
					results <- i
					<-places
				}()
			}
		}()
		for range b.N {
			<-results
		}
	})
}
