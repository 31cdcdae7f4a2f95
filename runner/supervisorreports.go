package runner

import (
	"context"
	"time"
)

// handle takes a report of p, and returns whether it shows that the loop is alive.
func (s *supervisor) handle(ctx context.Context, p *process, r report) (alive bool) {
	for _, t := range r.Recorded {
		s.recorder.Add(t)
	}
	if r.Type == reportApplied {
		s.controls.confirm(p, r.Change)
		return false // not by the loop
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Type {
	case reportSettled:
		s.snapshots.settle(r.Outcome, r.Count)
		return false // the loop as a whole has heartbeats
	case reportHeartbeat:
		s.snapshots.update(r.Snapshot)
		s.state.Stalled, s.state.Unhealthy = r.Stalled, r.Unhealthy
		if s.recorder.Watched() {
			p.send(order{Type: orderWatch, Successes: maxRecorded / 2})
		}
	case reportStarted:
		s.total, s.once = r.Total, r.Once
		close(p.started)
	case reportWanted:
		p.send(s.grantQuota(ctx, r.Wanted))
	case reportEnded:
		s.snapshots.update(r.Snapshot)
		s.state.Stalled, s.state.Unhealthy = "", nil
	}
	if r.Stalled != "" {
		return false
	}
	s.state.Heartbeat = time.Now()
	return true
}

// grantQuota takes up to wanted of loop.limit for the last process. The caller holds mu.
func (s *supervisor) grantQuota(ctx context.Context, wanted int) order {
	o := order{Type: orderGrant}
	if s.quota != nil {
		o.Granted = s.quota.Take(ctx, wanted)
		o.Left = s.quota.Left()
		s.taken += int64(o.Granted)
	}
	return o
}

// stalled names the part of the loop that is stuck, as the process last reported; "" for none.
func (s *supervisor) stalled() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Stalled
}

// countUnreported keeps in the snapshot what a process that died had settled since its last heartbeat.
func (s *supervisor) countUnreported(p *process) {
	if p.final != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshots.died()
}
