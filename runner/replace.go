package runner

import (
	"context"
	"fmt"
)

// replace has another process take the place of the last, which has ended with failure, after a pause. Where it is too
// late for one, or they die one after the other, it returns an error.
func (s *supervisor) replace(ctx context.Context, failure error) error {
	life := s.lifeOfLast()
	for {
		if s.usedUp() {
			s.enter(WorkerEnded, 0)
			return fmt.Errorf("%w; it had its share of loop.limit, so no other takes its place", failure)
		}
		delay, again := s.restarts.afterDeath(life)
		if !again {
			s.enter(WorkerGivenUp, 0)
			return fmt.Errorf("given up after %d processes in a row that brought nothing to an end: %w", s.restarts.barren, failure)
		}
		s.enter(WorkerRestarting, 0)
		s.logger.ErrorContext(s.scoped(ctx), "worker process is replaced", "delay", delay,
			"restarts_in_a_row", s.restarts.row, "error", failure)
		if err := s.rest(ctx, delay); err != nil {
			s.enter(WorkerEnded, 0)
			return err
		}
		err := s.relaunch(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			s.enter(WorkerEnded, 0)
			return err
		}
		failure, life = err, Snapshot{}
	}
}

func (s *supervisor) relaunch(ctx context.Context) error {
	s.lock.Lock()
	s.progress.Restarts++
	s.lock.Unlock()
	p, err := s.launch(ctx)
	if err != nil {
		return err
	}
	if err := s.await(ctx, p); err != nil {
		return err
	}
	s.process = p
	return nil
}

// lifeOfLast adds what the last process did to what those before it did, and returns it. What it had taken counts as
// started where loop.limit counts: it may have started it.
func (s *supervisor) lifeOfLast() Snapshot {
	s.lock.Lock()
	defer s.lock.Unlock()
	life := s.latest
	started := life.Started
	if s.process.lastWord == nil {
		started = max(started, s.taken)
	}
	s.used += started
	s.earlier = following(s.earlier, life)
	s.earlier.Abandoned = 0
	s.earlier = over(s.earlier)
	s.latest, s.taken, s.progress.Stalled = Snapshot{}, 0, ""
	return life
}

// usedUp reports whether nothing is left of the worker's share of the limit.
func (s *supervisor) usedUp() bool {
	limit := s.cfg.Consumer.Loop.Limit
	return limit > 0 && s.used >= limit
}
