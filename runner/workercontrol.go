package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// confirmTimeout bounds how long a change waits until the worker processes have confirmed it.
const confirmTimeout = 5 * time.Second

// ErrUnconfirmed is a change of how a task runs that a worker process has not confirmed in time. It was sent, and comes into
// force there once the process goes on or is replaced.
var ErrUnconfirmed = errors.New("not every worker process has confirmed the change")

// numberedControl is a control and the change that made it so.
type numberedControl struct {
	change  uint64
	control control
}

// sentControls are what a process was told about how to run. It has at most one order to confirm: what is said meanwhile is
// sent after that, as it is then. So orders never fill the pipe of a process that does not read it, and sending does not block.
type sentControls struct {
	sent, inForce numberedControl
	confirmed     chan struct{} // closed, and made anew, when the process has confirmed
}

// controlProcesses changes how all workers run, and waits until their processes have confirmed that.
func (t *taskRun) controlProcesses(ctx context.Context, change func(control) control) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmTimeout, fmt.Errorf("%w (%s)", context.DeadlineExceeded, confirmTimeout))
	defer cancel()
	changes := make([]uint64, len(t.alone))
	for i, s := range t.alone {
		changes[i] = s.control(change)
	}
	var missing []string
	for i, s := range t.alone {
		if p := s.confirm(ctx, changes[i]); p != nil {
			missing = append(missing, fmt.Sprintf("%s (process %d)", s.name, p.PID()))
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%w: task %q: no answer from %s: %w; the change comes into force there when the process goes on or is replaced",
		ErrUnconfirmed, t.cfg.Name, strings.Join(missing, ", "), context.Cause(ctx))
}

// control changes how the worker runs and tells its process. It returns the change's number, for confirm.
func (s *supervisor) control(change func(control) control) uint64 {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.change(change)
	s.changes++
	if s.current != nil {
		s.sendControl(s.current)
	}
	return s.changes
}

// runLoop has p run its loop. What was said until now is in force before it fetches anything; of changes from now on it is
// told.
func (s *supervisor) runLoop(p *process) {
	s.lock.Lock()
	defer s.lock.Unlock()
	now := s.wanted()
	p.controls = sentControls{sent: now, inForce: now, confirmed: make(chan struct{})}
	s.current = p
	p.tell(order{Do: orderRun, Control: now.control})
}

// wanted is how the worker is to run. The lock is held.
func (s *supervisor) wanted() numberedControl {
	return numberedControl{change: s.changes, control: s.change(func(c control) control { return c })}
}

// sendControl tells p of the last change, unless it was told or has another to confirm. The lock is held.
func (s *supervisor) sendControl(p *process) {
	c, now := &p.controls, s.wanted()
	if c.sent != c.inForce || c.sent.change == now.change {
		return
	}
	c.sent = now
	p.tell(order{Do: orderControl, Control: now.control, Change: now.change})
}

// applied notes that p has confirmed a change. The lock is held.
func (s *supervisor) applied(p *process, change uint64) {
	c := &p.controls
	if change != c.sent.change || c.sent == c.inForce {
		return
	}
	c.inForce = c.sent
	close(c.confirmed)
	c.confirmed = make(chan struct{})
	s.sendControl(p)
}

// confirm waits until a change is in force, and returns the process that has not confirmed it when ctx ended. Where none runs
// its loop there is nothing to wait for: the next one gets the change with orderRun.
func (s *supervisor) confirm(ctx context.Context, change uint64) *process {
	for {
		p, confirmed := s.unconfirmed(change)
		if p == nil {
			return nil
		}
		select {
		case <-confirmed:
		case <-p.over:
		case <-ctx.Done():
			return p
		}
	}
}

// unconfirmed returns the process that has yet to confirm a change, and what is closed when it has confirmed one.
func (s *supervisor) unconfirmed(change uint64) (*process, <-chan struct{}) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if p := s.current; p.running() && p.controls.inForce.change < change {
		return p, p.controls.confirmed
	}
	return nil, nil
}

// inForce is how the worker runs, as its process has confirmed it.
func (s *supervisor) inForce() control {
	s.lock.Lock()
	defer s.lock.Unlock()
	if p := s.current; p.running() {
		return p.controls.inForce.control
	}
	return s.wanted().control
}

// running reports whether there is a process, and it is not gone.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.over:
		return false
	default:
		return true
	}
}
