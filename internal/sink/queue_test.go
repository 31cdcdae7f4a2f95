package sink_test

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/sink"
)

// [F1] Everything is handed over once and in order, whatever the sink does with some of it.
func TestQueueHandsOverInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		q := sink.NewQueue(100, func(n int) {
			switch n % 10 {
			case 3:
				panic("a sink that panics")
			case 7:
				runtime.Goexit()
			}
			got = append(got, n)
		})
		var want []int
		for n := range 100 {
			if !q.Put(n) {
				t.Fatalf("no room for the %dth of 100", n+1)
			}
			if n%10 != 3 && n%10 != 7 {
				want = append(want, n)
			}
		}
		if left := q.Flush(time.Second, time.Second, nil); left != 0 {
			t.Errorf("%d are left", left)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// [F1] A sink that hangs costs nobody any time: what does not fit is dropped and counted, and Flush has a limit.
func TestQueueOfASinkThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, handed := make(chan struct{}), 0
		q := sink.NewQueue(3, func(int) {
			<-release
			handed++
		})
		q.Put(0)
		synctest.Wait() // until it hangs in the first
		began := time.Now()
		for n := range 5 {
			if room := q.Put(n); room != (n < 3) {
				t.Errorf("put %d: room %v", n, room)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("Put has waited for %s", waited)
		}
		if left := q.Flush(time.Second, time.Minute, nil); left != 4 || time.Since(began) != time.Second {
			t.Errorf("after %s %d are left, want 4 after 1s", time.Since(began), left)
		}
		force := make(chan struct{})
		close(force)
		if left := q.Flush(time.Second, time.Minute, force); left != 4 || time.Since(began) != time.Second {
			t.Errorf("with force, after %s %d are left", time.Since(began), left)
		}
		if got := q.Dropped(); got != 2 {
			t.Errorf("%d were dropped, want 2", got)
		}
		close(release)
		if left := q.Flush(time.Second, time.Minute, nil); left != 0 || handed != 4 {
			t.Errorf("released, %d are left and %d were handed over, want 4", left, handed)
		}
	})
}

// [F4] A sink that is slow but gets on is waited for, up to the limit.
func TestFlushWaitsWhileTheSinkGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := sink.NewQueue(100, func(int) { time.Sleep(300 * time.Millisecond) })
		for n := range 10 {
			q.Put(n)
		}
		began := time.Now()
		if left := q.Flush(time.Second, 2*time.Second, nil); left == 0 || time.Since(began) != 2*time.Second {
			t.Errorf("after %s %d are left, want some after 2s", time.Since(began), left)
		}
		if left := q.Flush(time.Second, time.Minute, nil); left != 0 || time.Since(began) != 3*time.Second {
			t.Errorf("after %s %d are left, want none after 3s", time.Since(began), left)
		}
	})
}

// stubborn is a log handler that hangs or panics where it is told to.
type stubborn struct {
	enabled, handle func()

	mu    sync.Mutex
	lines []string
}

func (s *stubborn) Enabled(context.Context, slog.Level) bool {
	s.enabled()
	return true
}

func (s *stubborn) Handle(_ context.Context, r slog.Record) error {
	s.handle()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, r.Message)
	return nil
}

func (s *stubborn) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s *stubborn) WithGroup(string) slog.Handler      { return s }

// [F1] Nobody who logs waits for a handler that hangs, and it says itself what it missed.
func TestLogOfAHandlerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &stubborn{enabled: func() {}, handle: func() { <-release }}
		l := sink.NewLog(s)
		logger := slog.New(l)
		began := time.Now()
		for range 10_000 {
			logger.Info("line")
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("logging has waited for %s", waited)
		}
		close(release)
		l.Flush(time.Second, time.Minute, nil)
		logger.Info("last")
		l.Flush(time.Second, time.Minute, nil)
		if !slices.ContainsFunc(s.lines, func(m string) bool { return m != "line" && m != "last" }) {
			t.Errorf("of 10000 lines, 8192 of which may wait, none is said to be dropped")
		}
		if len(s.lines) < 8192 || len(s.lines) > 8200 {
			t.Errorf("%d lines were written", len(s.lines))
		}
	})
}

// [F1] A handler that does not say whether it wants a line has none at debug level.
func TestLogOfAHandlerThatDoesNotAnswer(t *testing.T) {
	for name, enabled := range map[string]func(<-chan struct{}){
		"panics": func(<-chan struct{}) { panic("enabled") },
		"exits":  func(<-chan struct{}) { runtime.Goexit() },
		"hangs":  func(release <-chan struct{}) { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				began := time.Now()
				l := sink.NewLog(&stubborn{enabled: func() { enabled(release) }, handle: func() {}})
				if l.Enabled(t.Context(), slog.LevelDebug) || !l.Enabled(t.Context(), slog.LevelInfo) {
					t.Error("it is wanted at debug level, or not at info")
				}
				slog.New(l).Info("line")
				l.Flush(time.Second, time.Minute, nil)
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
				close(release)
			})
		})
	}
}
