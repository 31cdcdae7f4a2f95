package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// [E3] A call that hangs takes its share of the time and no more, whether or not it looks at its context. What others leave over
// is there for the last.
func TestCloseSequenceDividesTheTimeThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		s := &closeSequence{ctx: ctx, left: 3}
		release := make(chan struct{})
		defer close(release)
		for _, c := range []struct {
			name string
			fn   func(context.Context) error
			want time.Duration
		}{
			{"hangs", func(context.Context) error { <-release; return nil }, 3*time.Second + returnTime},
			{"returns", func(context.Context) error { return nil }, 0},
			{"ends with its context", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 6*time.Second - returnTime},
			{"is called when nothing is left", func(context.Context) error { <-release; return nil }, returnTime},
		} {
			began := time.Now()
			if ok := s.call(c.name, c.fn); ok != (c.want == 0) || time.Since(began) != c.want {
				t.Errorf("%s: got %v after %s, want it to take %s", c.name, ok, time.Since(began), c.want)
			}
		}
		if len(s.errs) != 3 || !errors.Is(s.errs[0], errGivenUp) || !errors.Is(s.errs[0], errClosingTime) {
			t.Errorf("got %v", s.errs)
		}
	})
}
