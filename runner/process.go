package runner

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/internal/reexec"
)

// child is what a supervisor does with a process that it started.
type child interface {
	PID() int
	Send(message any) error
	Receive(message any) error
	Kill()
	Wait() error
	Close() error
}

var _ child = (*reexec.Child)(nil)

// process is one process of a worker, as its supervisor knows it.
type process struct {
	child

	started chan struct{} // closed when everything is open in it
	ended   chan struct{} // closed when it is gone and counted; final and death may be read from then on

	final *report // its reportEnded; nil: it died
	death error   // how it died

	controls sentControls // processControls guards them
}

func newProcess(c child) *process {
	return &process{child: c, started: make(chan struct{}), ended: make(chan struct{})}
}

// send sends an order. An error means that the process has ended, which its monitor sees.
func (p *process) send(o order) { _ = p.Send(o) }

// running reports whether there is a process, and it is not gone.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// replaceable reports whether another process is to replace p, which has ended with err: it died, a program other than its
// supervisor ended it, or its handlers do not return [T2].
func (p *process) replaceable(err error) bool {
	if p.final == nil || errors.Is(err, ErrHeadroom) {
		return true
	}
	for _, f := range p.final.Failures {
		if f.Cut {
			return true
		}
	}
	return false
}

// receive passes on reports until the process closes its pipe.
func (p *process) receive(reports chan<- report) {
	defer close(reports)
	for {
		var r report
		if p.Receive(&r) != nil {
			return
		}
		if r.Type == reportEnded {
			p.final = &r
		}
		reports <- r
	}
}

// reap waits until the process is gone. killed says why it was killed; nil: it was not.
func (p *process) reap(killed error) {
	timer := time.AfterFunc(exitTime, p.Kill) // it closed its pipe, so it ends, or it is out of our control
	defer timer.Stop()
	err := p.Wait()
	_ = p.Close()
	switch {
	case killed != nil:
		p.death = fmt.Errorf("its process died: %w", killed)
	case err != nil:
		p.death = fmt.Errorf("its process died: %w", err)
	default:
		p.death = errors.New("its process ended by os.Exit(0) before its work was done")
	}
}
