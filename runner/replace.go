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
		if s.quota != nil && s.quota.Left() <= 0 {
			s.enter(WorkerEnded, 0)
			return fmt.Errorf("%w; loop.limit is reached, so no other takes its place", failure)
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

// lifeOfLast adds what the last process did to what those before it did, and returns it. What a process that died had taken
// of loop.limit is used: it may have started it. What one that ended in order has not started is there for others.
func (s *supervisor) lifeOfLast() Snapshot {
	s.lock.Lock()
	defer s.lock.Unlock()
	life := s.latest
	if s.quota != nil && s.process.lastWord != nil {
		s.quota.Return(int(max(s.taken-life.Started, 0)))
	}
	s.earlier = following(s.earlier, life)
	s.earlier.Abandoned = 0
	s.earlier = over(s.earlier)
	s.latest, s.settled, s.taken, s.progress.Stalled = Snapshot{}, nil, 0, ""
	return life
}
