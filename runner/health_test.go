package runner_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

// lockedText is what a logger wrote, which has a goroutine of its own.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// checkedService answers CheckHealth by a function.
type checkedService func(ctx context.Context) error

func (c checkedService) CheckHealth(ctx context.Context) error { return c(ctx) }

// watched runs a task with a service for 9.5 seconds, and compares look with what is unhealthy at each of those times.
func watched(t *testing.T, service checkedService, look map[time.Duration]string) string {
	t.Helper()
	var lines lockedText
	synctest.Test(t, func(t *testing.T) {
		cfg := configure("triage", finiteQueue(1), processor(func(context.Context, ergon.Transaction) (any, error) {
			time.Sleep(9500 * time.Millisecond)
			return "done", nil
		}))
		cfg.Services = map[string]ergon.Component{"prices": given(service)}
		m := manage(t, runner.Settings{Logger: slog.New(slog.NewTextHandler(&lines, nil))}, cfg)
		var run sync.WaitGroup
		run.Go(func() {
			if _, err := m.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		for at := time.Duration(0); at < 9500*time.Millisecond; at += 500 * time.Millisecond {
			time.Sleep(at + time.Millisecond - time.Since(began))
			want, asked := look[at]
			if !asked {
				continue
			}
			var got string
			for _, u := range m.Progress()[0].Each[0].Unhealthy {
				got += u.Component + ": " + u.Problem
			}
			if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("got %q unhealthy after %s, want %q", got, at, want)
			}
		}
		run.Wait()
		if got := m.Progress()[0].Each[0].Unhealthy; got != nil {
			t.Errorf("got %v unhealthy after the run, want none", got)
		}
		time.Sleep(time.Hour) // for a check that hangs
	})
	return lines.String()
}

const prices = `service "prices" (given): `

// A component is asked once a second, and its health is what its last check said.
func TestHealthIsThatOfTheLastCheck(t *testing.T) {
	began := time.Time{}
	var asked []time.Duration
	log := watched(t, func(context.Context) error {
		if began.IsZero() {
			began = time.Now()
		}
		at := time.Since(began)
		asked = append(asked, at)
		if at >= 2*time.Second && at < 4*time.Second {
			return errors.New("no answer on port 5432")
		}
		return nil
	}, map[time.Duration]string{
		0: "", 1500 * time.Millisecond: "", 2 * time.Second: prices + "no answer on port 5432",
		3500 * time.Millisecond: prices + "no answer on port 5432", 4 * time.Second: "", 9 * time.Second: "",
	})
	for i, at := range asked {
		if at != time.Duration(i)*time.Second {
			t.Errorf("check %d came after %s, want %ds", i, at, i)
		}
	}
	if len(asked) < 9 {
		t.Errorf("it was asked %d times, want once a second", len(asked))
	}
	if n := strings.Count(log, "cannot be used"); n != 1 {
		t.Errorf("%d lines say that it cannot be used, want 1, for two failed checks:\n%s", n, log)
	}
	if !strings.Contains(log, "can be used again") {
		t.Errorf("no line says that it can be used again:\n%s", log)
	}
}

// [F1] A check that panics, ends its goroutine or hangs is a failed one, and harms nothing else.
func TestHealthCheckThatMisbehavesIsAFailedOne(t *testing.T) {
	for name, c := range map[string]struct {
		check checkedService
		says  string
		at    time.Duration // of the failure, after which the check is not looked at until the end
		calls int
	}{
		"panics":             {func(context.Context) error { panic("broken") }, "panic: broken", 0, 10},
		"ends its goroutine": {func(context.Context) error { runtime.Goexit(); return nil }, "it ended its goroutine", 0, 10},
		"is slow":            {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "no answer within 5s", 5 * time.Second, 2},
		"is deaf":            {func(context.Context) error { time.Sleep(time.Minute); return nil }, "no answer within 5s", 6 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			look := map[time.Duration]string{c.at: prices + c.says}
			if c.at > 0 {
				look[c.at-500*time.Millisecond] = ""
			}
			log := watched(t, func(ctx context.Context) error {
				calls.Add(1)
				return c.check(ctx)
			}, look)
			if !strings.Contains(log, c.says) {
				t.Errorf("the log does not say %q:\n%s", c.says, log)
			}
			if got := int(calls.Load()); got != c.calls {
				t.Errorf("%d checks were made in 9.5 seconds, want %d", got, c.calls)
			}
		})
	}
}
