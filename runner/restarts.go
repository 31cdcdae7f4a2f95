package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon/policy"
)

const (
	// stableRun is how long a worker has to run so that its next restart has the shortest delay again.
	stableRun = time.Minute
	// maxRunsWithoutResult is how many runs in a row may fetch nothing until the worker is given up.
	maxRunsWithoutResult = 10
)

// restarts decides whether and when a worker is restarted: after 0.5 s, doubling up to 30 s.
type restarts struct {
	delays        policy.Retry
	random        func() float64
	limit         int // of runs without a result
	consecutive   int // restarts since the last stable run
	withoutResult int // runs in a row without a result
}

// newRestarts gives a worker up after limit runs in a row without a result. random is for the jitter; nil: rand.Float64.
func newRestarts(random func() float64, limit int) restarts {
	if random == nil {
		random = rand.Float64
	}
	return restarts{random: random, limit: limit, delays: policy.Retry{
		Backoff: 500 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: 30 * time.Second, Jitter: 0.2,
	}}
}

// afterRun returns the delay after a run in this process that ended with that snapshot, a zero one if it never reached its
// loop. A run that fetched nothing has no result. false: give up.
func (r *restarts) afterRun(last Snapshot) (time.Duration, bool) {
	return r.next(last, last.Fetched > 0)
}

// afterDeath is afterRun for a process. A process has a result if a transaction ended: one that kills the process
// was fetched as well.
func (r *restarts) afterDeath(last Snapshot) (time.Duration, bool) {
	return r.next(last, last.Ended() > 0)
}

// next counts a run. It was stable if it lasted and a fetch succeeded after the first: one that only waited for the timeouts of
// its first fetch did not run.
func (r *restarts) next(last Snapshot, hadResult bool) (time.Duration, bool) {
	stable := last.Elapsed >= stableRun && last.Phases[policy.PhaseFetch].Count > 1
	if stable {
		r.consecutive = 0
	}
	r.consecutive++
	r.withoutResult++
	if stable || hadResult {
		r.withoutResult = 0
	}
	return r.delays.Jittered(r.delays.Delay(r.consecutive), r.random()), r.withoutResult < r.limit
}

// restart opens another run after one that ended with failure, after a pause.
func (w *worker) restart(ctx context.Context, failure error) (*workerRun, error) {
	last := w.lastRun()
	for {
		delay, again := w.restarts.afterRun(last)
		if !again {
			w.enter(WorkerGivenUp)
			return nil, fmt.Errorf("given up after %d starts in a row that fetched nothing: %w", w.restarts.withoutResult, failure)
		}
		w.logger.WarnContext(w.scoped(ctx), "worker is restarted after its source failed", "delay", delay,
			"restarts_in_a_row", w.restarts.consecutive, "error", failure)
		w.enter(WorkerRestarting)
		if err := w.timeout.sleep(ctx, delay); err != nil {
			w.enter(WorkerEnded)
			return nil, err
		}
		r, err := w.newLoopRun(ctx)
		switch {
		case err == nil:
			return r, nil
		case ctx.Err() != nil:
			w.enter(WorkerEnded)
			return nil, err
		}
		failure, last = err, Snapshot{}
	}
}
