package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// loopTimeout is loop.timeout, which holds for all runs of a worker together.
type loopTimeout struct {
	limit time.Duration // 0: none
	began time.Time     // of the first run; zero: not yet
}

func (t *loopTimeout) started() bool { return !t.began.IsZero() }

// start starts the clock, once.
func (t *loopTimeout) start() {
	if !t.started() {
		t.began = time.Now()
	}
}

func (t *loopTimeout) elapsed() time.Duration {
	if !t.started() {
		return 0
	}
	return time.Since(t.began)
}

// left starts the clock and returns how much of the timeout is left, 0 for no timeout.
func (t *loopTimeout) left() (time.Duration, error) {
	t.start()
	if t.limit <= 0 {
		return 0, nil
	}
	if left := t.limit - t.elapsed(); left > 0 {
		return left, nil
	}
	return 0, t.err()
}

// sleep waits for d. It returns an error when the timeout is reached or ctx ends.
func (t *loopTimeout) sleep(ctx context.Context, d time.Duration) error {
	end := error(nil)
	if t.limit > 0 {
		if left := t.limit - t.elapsed(); left <= d {
			d, end = left, t.err()
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return end
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *loopTimeout) err() error { return fmt.Errorf("%w of %s", ergon.ErrLoopTimeout, t.limit) }
