package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
	"github.com/ergon-go/ergon/policy"
)

const (
	// workerFlush bounds the flushing of telemetry in a worker process that is shut down.
	workerFlush = 3 * time.Second
	// lastExit is how long a process has to be gone after it has said that it ends.
	lastExit = time.Second
)

// child is what a supervisor does with a process that it has started.
type child interface {
	PID() int
	Send(message any) error
	Receive(message any) error
	Kill()
	Wait() error
	Close() error
}

var _ child = (*reexec.Child)(nil)

// process is one process of a worker.
type process struct {
	child

	started chan struct{} // closed when everything is open in it
	over    chan struct{} // closed when it is gone; from then on what follows may be read

	lastWord *report // nil: it has died
	death    error   // how

	controls sentControls // from orderRun on; the supervisor's lock guards them
}

// tell sends an order. A process that has ended needs none.
func (p *process) tell(o order) { _ = p.Send(o) }

// replaceable reports whether another process is to take the place of p, which has ended with err: where it has died, where
// somebody else has ended it, and where its handlers do not return [T2].
func (p *process) replaceable(err error) bool {
	if p.lastWord == nil || errors.Is(err, ErrHeadroom) {
		return true
	}
	for _, f := range p.lastWord.Failures {
		if f.Cut {
			return true
		}
	}
	return false
}

// treeBudget is how long after the beginning of a shutdown a worker process is killed.
func treeBudget(p policy.Shutdown) time.Duration { return budget(p) + workerFlush + lastExit }

// forcedBudget is how long after the shutdown was forced it is.
func forcedBudget(p policy.Shutdown) time.Duration {
	return max(p.Force, leastClosing) + forcedClosing + leastFlushing + lastExit
}

// oversee follows a process until it is gone.
func (s *supervisor) oversee(ctx context.Context, p *process) {
	defer close(p.over)
	reports := make(chan report)
	go p.listen(reports)
	life := newVitals(s.cfg.Workers.Heartbeat)
	look := time.NewTicker(life.every)
	defer look.Stop()
	var killed error
	kill := func(why error) {
		killed = why
		p.Kill()
	}
	stopping, forced := ctx.Done(), s.shutdown.forced.Done()
	var late <-chan time.Time // when the process has to be gone
	for open := true; open; {
		var r report
		select {
		case r, open = <-reports:
			if open && s.hear(ctx, p, r) {
				life.sign()
			}
			if r.Say == reportEnded {
				late = time.After(lastExit)
			}
		case <-look.C:
			if late == nil && life.look() {
				kill(s.silent(life.patience()))
				look.Stop()
			}
		case <-stopping:
			stopping = nil
			p.tell(order{Do: orderStop, Cause: context.Cause(ctx).Error()})
			late = time.After(treeBudget(s.cfg.Shutdown))
		case <-forced:
			forced = nil
			p.tell(order{Do: orderForce})
			late = time.After(forcedBudget(s.cfg.Shutdown))
		case <-late:
			kill(errors.New("it had not ended when the time to shut down was over, and was killed"))
		}
	}
	p.bury(killed)
	s.buried(p)
}

// buried has the figures keep what a process that has died had settled since its last snapshot.
func (s *supervisor) buried(p *process) {
	if p.lastWord == nil {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.latest = withSettled(s.latest, s.settled)
	}
}

// grant gives the last process what there is of loop.limit. The lock is held.
func (s *supervisor) grant(ctx context.Context, wanted int) order {
	o := order{Do: orderGrant}
	if s.quota != nil {
		o.Granted = s.quota.Take(ctx, wanted)
		o.Left = s.quota.Left()
		s.taken += int64(o.Granted)
	}
	return o
}

// silent is why a process is killed that gives no sign of life.
func (s *supervisor) silent(d time.Duration) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if what := s.progress.Stalled; what != "" {
		return fmt.Errorf("its loop stood still (%s) for %s, and it was killed", what, d)
	}
	return fmt.Errorf("it gave no sign of life for %s, and was killed", d)
}

// listen passes on what the process says, until it is gone.
func (p *process) listen(reports chan<- report) {
	defer close(reports)
	for {
		var r report
		if p.Receive(&r) != nil {
			return
		}
		if r.Say == reportEnded {
			p.lastWord = &r
		}
		reports <- r
	}
}

// bury waits until the process is gone; killed is why, where it was killed.
func (p *process) bury(killed error) {
	timer := time.AfterFunc(lastExit, p.Kill) // it has closed its pipe, so it ends or is none of ours any more
	defer timer.Stop()
	err := p.Wait()
	_ = p.Close()
	switch {
	case killed != nil:
		p.death = fmt.Errorf("its process died: %w", killed)
	case err != nil:
		p.death = fmt.Errorf("its process died: %w", err)
	default:
		p.death = errors.New("its process ended by os.Exit(0), and not because its work was done")
	}
}

// hear takes a report, and tells whether it is a sign of life.
func (s *supervisor) hear(ctx context.Context, p *process, r report) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, t := range r.Recorded {
		s.settings.Recorder.Add(t)
	}
	switch r.Say {
	case reportSettled:
		if s.settled == nil {
			s.settled = map[pipeline.Outcome]int64{}
		}
		s.settled[r.Outcome] += r.Count
		return false // the loop as a whole has its own signs
	case reportApplied:
		s.applied(p, r.Change)
		return false // neither is it one of the loop
	case reportBeat:
		s.latest, s.progress.Stalled = r.Snapshot, r.Stalled
		if s.settings.Recorder.Watched() {
			p.tell(order{Do: orderWatch, Successes: maxRecorded / 2})
		}
	case reportStarted:
		s.total, s.once = r.Total, r.Once
		close(p.started)
	case reportWanted:
		p.tell(s.grant(ctx, r.Wanted))
	case reportEnded:
		s.latest, s.progress.Stalled = r.Snapshot, ""
	}
	if r.Stalled != "" {
		return false
	}
	s.progress.Heartbeat = time.Now()
	return true
}
