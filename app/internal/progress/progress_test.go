package progress_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/app/internal/progress"
	"github.com/ergon-go/ergon/app/internal/terminaltest"
	"github.com/ergon-go/ergon/runner"
)

func at(task string, total, succeeded, failed, inFlight int64) runner.TaskProgress {
	return runner.TaskProgress{Task: task, Workers: 1, Total: total, Snapshot: runner.Snapshot{
		Outcomes: map[runner.Outcome]int64{runner.Succeeded: succeeded, runner.DeadLettered: failed}, InFlight: inFlight,
	}}
}

// steady is a task that comes to its end at a steady rate per second, from now on.
func steady(total, rate int64) func() []runner.TaskProgress {
	began := time.Now()
	return func() []runner.TaskProgress {
		done := min(total, int64(time.Since(began))*rate/int64(time.Second))
		return []runner.TaskProgress{at("triage", total, done, 0, total-done)}
	}
}

func TestLiveLineLeavesOutWhatDoesNotFit(t *testing.T) {
	one := []runner.TaskProgress{at("triage", 10_000, 4_314, 7, 32)}
	for width, want := range map[int]string{
		80: "triage  4,321/10,000  43%  0/s  32 in flight  7 failed",
		53: "triage  4,321/10,000  43%  0/s  7 failed",
		39: "triage  4,321/10,000  43%  7 failed",
		34: "4,321/10,000  43%  7 failed",
		26: "4,321/10,000  7 failed",
		21: "4,321/10,000",
		11: "4,321/10,00",
		0:  "",
		-1: "",
	} {
		if got := progress.Line(one, width, false); got != want || utf8.RuneCountInString(got) > max(width, 0) {
			t.Errorf("%d columns: got %q, want %q", width, got, want)
		}
	}
}

func TestLiveLineSaysWhatIsKnown(t *testing.T) {
	outage := at("triage", -1, 5, 0, 1)
	outage.Snapshot.Outage = true
	returning := at("triage", -1, 5, 0, 0)
	returning.Snapshot.Returning = 2
	again := at("triage", 10, 5, 0, 1)
	again.Snapshot.Outcomes[runner.Interrupted], again.Snapshot.Outcomes[runner.Redelivered] = 3, 4
	triage := func(total int64) runner.TaskProgress { return at("triage", total, 5, 0, 1) }
	for name, c := range map[string]struct {
		tasks    []runner.TaskProgress
		stopping bool
		want     string
	}{
		"a source that cannot count": {[]runner.TaskProgress{triage(-1)}, false, "triage  5 done  0/s  1 in flight"},
		"more than was counted":      {[]runner.TaskProgress{triage(4)}, false, "triage  5 done  0/s  1 in flight"},
		"an empty source":            {[]runner.TaskProgress{at("a", 0, 0, 0, 0)}, false, "a  0/0  0/s  0 in flight"},
		"several tasks": {
			[]runner.TaskProgress{triage(10), at("b", 10, 2, 1, 3)}, false, "2 tasks  8/20  40%  0/s  4 in flight  1 failed",
		},
		"several, one cannot count":   {[]runner.TaskProgress{triage(-1), at("b", 10, 2, 0, 3)}, false, "2 tasks  7 done  0/s  4 in flight"},
		"what was requeued":           {[]runner.TaskProgress{returning}, false, "triage  5 done  0/s  0 in flight  waiting for 2 requeued"},
		"an outage":                   {[]runner.TaskProgress{outage}, false, "triage  5 done  0/s  1 in flight  outage, probing"},
		"a shutdown":                  {[]runner.TaskProgress{triage(10)}, true, "triage  5/10  50%  0/s  1 in flight  stopping"},
		"what comes back is not done": {[]runner.TaskProgress{again}, false, "triage  5/10  50%  0/s  1 in flight"},
	} {
		if got := progress.Line(c.tasks, 80, c.stopping); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestLiveLineIsRedrawnTenTimesASecondAndCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := new(terminaltest.Screen)
		ctx, stop := context.WithCancel(t.Context())
		var drawing sync.WaitGroup
		drawing.Go(func() {
			progress.Draw(ctx, steady(1000, 100), &progress.LiveLine{Terminal: screen}, func() int { return 80 }, nil)
		})
		time.Sleep(100*time.Millisecond - 1)
		synctest.Wait()
		if got := screen.Text(); got != "" {
			t.Errorf("before 100 ms: %q, want nothing", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got, want := screen.Text(), "triage  10/1,000  1%  100/s  990 in flight"; got != want {
			t.Errorf("at 100 ms: %q, want %q", got, want)
		}
		time.Sleep(800 * time.Millisecond)
		synctest.Wait()
		if got, want := screen.Text(), "triage  90/1,000  9%  100/s  910 in flight"; got != want {
			t.Errorf("after 900 ms, too early to say when it ends: %q, want %q", got, want)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got, want := screen.Text(), "triage  100/1,000  10%  100/s  900 in flight  ETA 9s"; got != want {
			t.Errorf("after 1 s: %q, want %q", got, want)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got, want := screen.Text(), "triage  500/1,000  50%  100/s  500 in flight  ETA 5s"; got != want {
			t.Errorf("after 5 s: %q, want %q", got, want)
		}
		time.Sleep(4900 * time.Millisecond)
		synctest.Wait()
		if got, want := screen.Text(), "triage  990/1,000  99%  100/s  10 in flight  ETA 1s"; got != want {
			t.Errorf("100 ms before the end, which is no second: %q, want %q", got, want)
		}
		if got := len(screen.Shown()); got != 99 {
			t.Errorf("after 9.9 s it was drawn %d times, want 99", got)
		}
		stop()
		drawing.Wait()
		if got := screen.Text(); got != "" {
			t.Errorf("in the end: %q, want nothing", got)
		}
	})
}

func TestLiveLineSaysAtOnceThatItIsStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := new(terminaltest.Screen)
		ctx, stop := context.WithCancel(t.Context())
		stopping := make(chan struct{})
		var drawing sync.WaitGroup
		drawing.Go(func() {
			progress.Draw(ctx, steady(100, 1), &progress.LiveLine{Terminal: screen}, func() int { return 80 }, stopping)
		})
		time.Sleep(2 * time.Second)
		close(stopping)
		synctest.Wait()
		if got, want := screen.Text(), "triage  2/100  2%  1/s  98 in flight  stopping"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		stop()
		drawing.Wait()
	})
}

func TestRateIsThatOfTheLastFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := new(terminaltest.Screen)
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		tasks := func() []runner.TaskProgress { // 1,000 at once in the first second, then 10 a second
			return []runner.TaskProgress{at("triage", -1, 1000+int64(time.Since(began)/(100*time.Millisecond)), 0, 0)}
		}
		var drawing sync.WaitGroup
		drawing.Go(func() { progress.Draw(ctx, tasks, &progress.LiveLine{Terminal: screen}, func() int { return 80 }, nil) })
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got, want := screen.Text(), "triage  1,200 done  10/s  0 in flight"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		stop()
		drawing.Wait()
	})
}

func TestProgressIsLoggedEveryTenSecondsWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lockedBuffer)
		logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		ctx, stop := context.WithCancel(t.Context())
		var logging sync.WaitGroup
		logging.Go(func() { progress.Log(ctx, steady(10_000, 100), logger) })
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if got := log.String(); got != "" {
			t.Errorf("before 10 s: %s", got)
		}
		time.Sleep(10*time.Second + 1)
		synctest.Wait()
		stop()
		logging.Wait()
		want := `level=INFO msg=progress task=triage done=1000 per_second=100 in_flight=9000 failed=0 total=10000 eta=1m30s
level=INFO msg=progress task=triage done=2000 per_second=100 in_flight=8000 failed=0 total=10000 eta=1m20s
`
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNothingIsDrawnBeforeThereAreTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := new(terminaltest.Screen)
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		progress.Draw(ctx, func() []runner.TaskProgress { return nil }, &progress.LiveLine{Terminal: screen}, func() int { return 80 }, nil)
		if got := screen.Shown(); len(got) > 0 {
			t.Errorf("got %q", strings.Join(got, "\n"))
		}
	})
}

// lockedBuffer is a buffer that one goroutine writes while another reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
