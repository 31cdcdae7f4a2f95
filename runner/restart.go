package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

const (
	// soundLife is how long a worker has to run for its restarts to begin anew with the shortest delay.
	soundLife = time.Minute
	// crashLoop is how many lives in a row may fetch nothing before the worker is given up.
	crashLoop = 10
)

// restarts decides when a worker whose source failed gets another life: after 0.5 s, doubling up to 30 s.
type restarts struct {
	delays policy.Retry
	limit  int // lives in a row that may come to nothing
	random func() float64
	row    int // since the worker last ran for long
	barren int // lives in a row that came to nothing
}

func newRestarts(random func() float64) restarts {
	if random == nil {
		random = rand.Float64
	}
	return restarts{random: random, limit: crashLoop, delays: policy.Retry{
		Backoff: 500 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: 30 * time.Second, Jitter: 0.2,
	}}
}

// after returns the delay after a life that ended with this snapshot, a zero one for a life that did not get to its loop;
// false: it is time to give up. A life is sound that lasted and in which a fetch succeeded: one that only waited for the
// timeouts of its first fetch did not run.
func (r *restarts) after(life Snapshot) (time.Duration, bool) {
	return r.next(life, life.Fetched > 0)
}

// afterDeath is after for a life that its process did not survive. It came to something only where a transaction came to
// its end: one that kills the process has been fetched as well.
func (r *restarts) afterDeath(life Snapshot) (time.Duration, bool) {
	return r.next(life, life.Ended() > 0)
}

func (r *restarts) next(life Snapshot, fruitful bool) (time.Duration, bool) {
	sound := life.Elapsed >= soundLife && life.Phases[policy.PhaseFetch].Count > 1
	if sound {
		r.row = 0
	}
	r.row++
	r.barren++
	if sound || fruitful {
		r.barren = 0
	}
	return r.delays.Jittered(r.delays.Delay(r.row), r.random()), r.barren < r.limit
}

// revive starts another life after one that ended with failure.
func (w *worker) revive(ctx context.Context, failure error) (*life, error) {
	last := w.last()
	for {
		delay, again := w.restarts.after(last)
		if !again {
			w.enter(WorkerGivenUp)
			return nil, fmt.Errorf("given up after %d starts in a row that fetched nothing: %w", w.restarts.barren, failure)
		}
		w.logger.WarnContext(w.scoped(ctx), "worker is restarted after its source failed", "delay", delay,
			"restarts_in_a_row", w.restarts.row, "error", failure)
		w.enter(WorkerRestarting)
		if err := w.rest(ctx, delay); err != nil {
			w.enter(WorkerEnded)
			return nil, err
		}
		l, err := w.startLoop(ctx)
		switch {
		case err == nil:
			return l, nil
		case ctx.Err() != nil:
			w.enter(WorkerEnded)
			return nil, err
		}
		failure, last = err, Snapshot{}
	}
}

// rest waits for d, at most until the loop's timeout.
func (w *worker) rest(ctx context.Context, d time.Duration) error {
	end := error(nil)
	if timeout := w.cfg.Consumer.Loop.Timeout; timeout > 0 {
		if left := timeout - time.Since(w.began); left <= d {
			d, end = left, fmt.Errorf("%w of %s", ergon.ErrLoopTimeout, timeout)
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
