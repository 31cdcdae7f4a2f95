package ergon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
)

// lateResults collects what OnLateResult is called with, as text with the time since it was made.
type lateResults struct {
	mu    sync.Mutex
	start time.Time
	seen  []string
}

func (l *lateResults) option() ergon.RunOption {
	l.start = time.Now()
	return ergon.OnLateResult(func(result any, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen = append(l.seen, fmt.Sprintf("%s: %v, %v", time.Since(l.start), result, err))
	})
}

func (l *lateResults) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.seen, "; ")
}

// [T1]
func TestLateResultIsFencedAndHandedOver(t *testing.T) {
	for name, c := range map[string]struct {
		late func(context.Context) (string, error)
		want string
	}{
		"result":          {takes(time.Minute, "late"), "1m0s: late, <nil>"},
		"at the deadline": {takes(10*time.Second, "late"), "10s: late, <nil>"},
		"error":           {func(context.Context) (string, error) { time.Sleep(time.Minute); return "", errBoom }, "1m0s: , boom"},
		"panic":           {func(context.Context) (string, error) { time.Sleep(time.Minute); panic("oh no") }, "1m0s: , SYSTEM: panic: oh no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				var late lateResults
				got, err := ergon.RunFn(t.Context(), steady(2), attempts(&calls, c.late, returns("second")), late.option())
				if got != "second" || err != nil {
					t.Errorf("got %q, %v, want what the second attempt returned", got, err)
				}
				time.Sleep(time.Hour)
				if got := late.all(); got != c.want {
					t.Errorf("late results are %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestResultInTimeIsNotReportedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late lateResults
		got, err := ergon.RunFn(t.Context(), steady(2), takes(10*time.Second-1, "done"), late.option())
		time.Sleep(time.Hour)
		if got != "done" || err != nil || late.all() != "" {
			t.Errorf("got %q, %v, late %q", got, err, late.all())
		}
	})
}

// [T1] The context ends at the very moment that the attempt returns: either may win, but one of them does.
func TestResultIsEitherReturnedOrReportedLate(t *testing.T) {
	const rounds = 2000
	returned, late := 0, atomic.Int32{}
	for range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		start, reported := make(chan struct{}), make(chan struct{})
		go func() {
			<-start
			cancel()
		}()
		_, err := ergon.RunFn(ctx, steady(1), func(context.Context) (string, error) {
			close(start)
			runtime.Gosched()
			return "done", nil
		}, ergon.OnLateResult(func(any, error) {
			late.Add(1)
			close(reported)
		}))
		switch {
		case err == nil:
			returned++
		case errors.Is(err, context.Canceled):
			<-reported
		default:
			t.Fatal(err)
		}
		cancel()
	}
	if got := returned + int(late.Load()); got != rounds {
		t.Errorf("%d returned and %d late, want %d in all", returned, late.Load(), rounds)
	}
}

func TestPanicInOnLateResultIsLogged(t *testing.T) {
	var out bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	synctest.Test(t, func(t *testing.T) {
		crash := ergon.OnLateResult(func(any, error) { panic("oh no") })
		_, err := ergon.RunFn(t.Context(), steady(1), takes(time.Minute, "late"), crash)
		if !errors.Is(err, ergon.ErrAttemptTimeout) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
	})
	if !strings.Contains(out.String(), "OnLateResult panicked") || !strings.Contains(out.String(), "panic: oh no") {
		t.Errorf("log is %q", out.String())
	}
}

func TestLaterOptionReplacesWhatItSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second lateResults
		options := []ergon.RunOption{first.option(), second.option(), ergon.SpanName("load"), ergon.OnLateResult(nil)}
		_, err := ergon.RunFn(t.Context(), steady(1), takes(time.Minute, "late"), options...)
		if !errors.Is(err, ergon.ErrAttemptTimeout) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
		if first.all() != "" || second.all() == "" {
			t.Errorf("first got %q, second %q, want only the second to be called", first.all(), second.all())
		}
	})
}
