package telemetry_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/telemetry"
)

// [T5] What fails now and then is reported once a minute at most, not a moment earlier.
func TestFailureIsReportedAgainAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var console log
		l := telemetry.NewLink(slog.New(slog.NewTextHandler(&console, nil)))
		flap := func(want int) {
			t.Helper()
			l.Deliver(t.Context(), errors.New("boom"))
			l.Deliver(t.Context(), errors.New("boom"))
			l.Deliver(t.Context(), nil)
			console.want(t, want, "telemetry is not delivered")
		}
		flap(1)
		time.Sleep(time.Minute - 1)
		flap(1)
		time.Sleep(time.Nanosecond)
		flap(2)
		console.want(t, 2, "telemetry is delivered again")
	})
}

// stuckWriter hangs until it is released.
type stuckWriter struct{ release chan struct{} }

func (w stuckWriter) Write(p []byte) (int, error) {
	<-w.release
	return len(p), nil
}

// [F1] A report that nobody reads holds up its own delivery, and nobody who has something to deliver.
func TestReportThatHangsHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := telemetry.NewLink(slog.New(slog.NewTextHandler(stuckWriter{release}, nil)))
		go l.Deliver(t.Context(), errors.New("boom"))
		synctest.Wait()
		taken := make(chan struct{})
		go func() {
			l.Take()
			close(taken)
		}()
		select {
		case <-taken:
		case <-time.After(time.Second):
			t.Error("to count a span waits for the log")
		}
		close(release)
		synctest.Wait()
	})
}

// [F4] Shutdown ends within its context's time, whatever an exporter does with that.
func TestShutdownLeavesAnExporterBehindThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := telemetry.ProvidersOf(telemetry.NewLink(slog.New(slog.DiscardHandler)), func(context.Context) error {
			<-release
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := p.Shutdown(ctx)
		if took := time.Since(began); err == nil || took < 3*time.Second || took > 3*time.Second+100*time.Millisecond {
			t.Errorf("got %v after %s, want an error after 3s", err, took)
		}
		close(release)
		synctest.Wait()
	})
}
