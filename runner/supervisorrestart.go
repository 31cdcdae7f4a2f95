package runner

import (
	"context"
	"fmt"
)

// replace starts another process after a pause, because the last one ended with failure. It returns an error if loop.limit,
// loop.timeout or the end of ctx leaves nothing to run, or too many processes in a row died.
func (s *supervisor) replace(ctx context.Context, failure error) error {
	last := s.closeLast()
	for {
		if s.quota != nil && s.quota.Left() <= 0 {
			s.enter(WorkerEnded, 0)
			return fmt.Errorf("%w; loop.limit is reached, so it is not replaced", failure)
		}
		delay, again := s.restarts.afterDeath(last)
		if !again {
			s.enter(WorkerGivenUp, 0)
			return fmt.Errorf("given up after %d processes in a row that finished no transaction: %w", s.restarts.withoutResult, failure)
		}
		s.enter(WorkerRestarting, 0)
		s.logger.ErrorContext(s.scoped(ctx), "worker process is replaced", "delay", delay,
			"restarts_in_a_row", s.restarts.consecutive, "error", failure)
		if err := s.timeout.sleep(ctx, delay); err != nil {
			s.enter(WorkerEnded, 0)
			return err
		}
		err := s.restart(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			s.enter(WorkerEnded, 0)
			return err
		}
		failure, last = err, Snapshot{}
	}
}

func (s *supervisor) restart(ctx context.Context) error {
	s.mu.Lock()
	s.state.Restarts++
	s.mu.Unlock()
	p, err := s.startProcess(ctx)
	if err == nil {
		s.process = p
	}
	return err
}

// closeLast returns the snapshot of the last process, which has ended, and counts it among the earlier ones. What a process
// that died had taken of loop.limit counts as used, because it may have started it. What one that ended in order had not
// started is returned.
func (s *supervisor) closeLast() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.snapshots.next()
	if s.quota != nil && s.process.final != nil {
		s.quota.Return(int(max(s.taken-last.Started, 0)))
	}
	s.taken, s.state.Stalled, s.state.Unhealthy = 0, "", nil
	return last
}
