package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
)

// [T4] The timeout holds for all runs of a worker together, and for the pauses between them.
func TestLoopTimeoutHoldsOverAllRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timeout := loopTimeout{limit: time.Minute}
		time.Sleep(time.Hour) // before it is started
		if left, err := timeout.left(); left != time.Minute || err != nil {
			t.Errorf("got %s, %v; want all of it", left, err)
		}
		if err := timeout.sleep(t.Context(), time.Minute-1); err != nil {
			t.Errorf("got %v for a pause that ends in time", err)
		}
		if left, err := timeout.left(); left != 1 || err != nil {
			t.Errorf("got %s, %v; want 1ns", left, err)
		}
		began := time.Now()
		if err := timeout.sleep(t.Context(), time.Hour); !errors.Is(err, ergon.ErrLoopTimeout) || time.Since(began) != 1 {
			t.Errorf("got %v after %s, want %v after 1ns", err, time.Since(began), ergon.ErrLoopTimeout)
		}
		if _, err := timeout.left(); !errors.Is(err, ergon.ErrLoopTimeout) {
			t.Errorf("got %v, want %v", err, ergon.ErrLoopTimeout)
		}
	})
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errEnough)
		defer cancel()
		began, none := time.Now(), loopTimeout{}
		if err := none.sleep(ctx, time.Hour); !errors.Is(err, errEnough) || time.Since(began) != time.Second {
			t.Errorf("got %v after %s, want %v after 1s", err, time.Since(began), errEnough)
		}
		if left, err := none.left(); left != 0 || err != nil {
			t.Errorf("got %s, %v; want no timeout", left, err)
		}
	})
}
