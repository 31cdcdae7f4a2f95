package telemetry_test

import (
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
