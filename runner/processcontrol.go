package runner

import (
	"context"
	"errors"
	"sync"
	"time"
)

// confirmTimeout bounds how long a change waits until the worker processes have confirmed it.
const confirmTimeout = 5 * time.Second

// ErrUnconfirmed is a pause or another change that a worker process has not confirmed in time. It was sent, and comes into force
// there when the process continues or is replaced.
var ErrUnconfirmed = errors.New("not every worker process has confirmed the change")

// numberedControl is a control and the number of the change that made it.
type numberedControl struct {
	change  uint64
	control control
}

// sentControls are the controls that a process was sent. At most one order at a time waits for a confirmation; a later change
// is sent after it. So orders never fill the pipe of a process that does not read, and sending does not block.
type sentControls struct {
	sent, inForce numberedControl
	confirmed     chan struct{} // closed and replaced when the process has confirmed
}

// processControls is the control of a worker whose processes follow each other: it sends every change to the process that
// runs the loop, and knows which change that one has confirmed. It is safe for concurrent use.
type processControls struct {
	mu      sync.Mutex
	wanted  numberedControl
	current *process // that runs the loop, or was the last to; nil: none yet
}

// change changes the control, sends it, and returns the number of the change, for wait.
func (c *processControls) change(by func(control) control) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = numberedControl{change: c.wanted.change + 1, control: by(c.wanted.control)}
	if c.current != nil {
		c.send(c.current)
	}
	return c.wanted.change
}

// run tells p to run its loop. The control as it is now is in force before p fetches anything; p is sent later changes.
func (c *processControls) run(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.controls = sentControls{sent: c.wanted, inForce: c.wanted, confirmed: make(chan struct{})}
	c.current = p
	p.send(order{Type: orderRun, Control: c.wanted.control})
}

// send sends p the last change, unless it was sent or another one waits for its confirmation. The caller holds mu.
func (c *processControls) send(p *process) {
	s := &p.controls
	if s.sent != s.inForce || s.sent.change == c.wanted.change {
		return
	}
	s.sent = c.wanted
	p.send(order{Type: orderControl, Control: c.wanted.control, Change: c.wanted.change})
}

// confirm is called when p has confirmed a change.
func (c *processControls) confirm(p *process, change uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &p.controls
	if change != s.sent.change || s.sent == s.inForce {
		return
	}
	s.inForce = s.sent
	close(s.confirmed)
	s.confirmed = make(chan struct{})
	c.send(p)
}

// wait waits until a change is in force, and returns the process that had not confirmed it when ctx ended. If no process runs
// the loop there is nothing to wait for: the next one gets the change with orderRun.
func (c *processControls) wait(ctx context.Context, change uint64) *process {
	for {
		p, confirmed := c.unconfirmed(change)
		if p == nil {
			return nil
		}
		select {
		case <-confirmed:
		case <-p.ended:
		case <-ctx.Done():
			p, _ := c.unconfirmed(change) // it may have confirmed while others were waited for
			return p
		}
	}
}

// unconfirmed returns the process that has not confirmed a change yet, and a channel that is closed at its next confirmation.
func (c *processControls) unconfirmed(change uint64) (*process, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.current; p.running() && p.controls.inForce.change < change {
		return p, p.controls.confirmed
	}
	return nil, nil
}

// inForce is the control that the process has confirmed.
func (c *processControls) inForce() control {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.current; p.running() {
		return p.controls.inForce.control
	}
	return c.wanted.control
}
