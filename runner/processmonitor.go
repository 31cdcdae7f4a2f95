package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/policy"
)

const (
	// workerFlush bounds the flushing of telemetry in a worker process that is shut down.
	workerFlush = 3 * time.Second
	// exitTime is how long a process may take to be gone after its last report.
	exitTime = time.Second
)

// processBudget is how long after the beginning of a shutdown a worker process is killed.
func processBudget(p policy.Shutdown) time.Duration {
	return shutdownBudget(p) + workerFlush + exitTime
}

// forcedProcessBudget is how long after the shutdown was forced a worker process is killed.
func forcedProcessBudget(p policy.Shutdown) time.Duration {
	return max(p.Force, minCloseTime) + forcedCloseTime + minFlushTime + exitTime
}

// processMonitor follows one process until it is gone. It passes a shutdown on, and kills a process whose heartbeats stop or
// that does not end in time.
type processMonitor struct {
	heartbeat time.Duration
	shutdown  policy.Shutdown
	forced    <-chan struct{}   // closed when the shutdown is forced
	handle    func(report) bool // takes a report and returns whether it shows that the loop is alive
	stalled   func() string     // names the part of the loop that is stuck; "" for none
}

// follow returns when p is gone. The end of ctx begins the shutdown of p.
func (m processMonitor) follow(ctx context.Context, p *process) {
	reports := make(chan report)
	go p.receive(reports)
	heartbeats := newHeartbeatMonitor(m.heartbeat)
	check := time.NewTicker(heartbeats.every)
	defer check.Stop()
	var killed error
	kill := func(why error) {
		killed = why
		p.Kill()
	}
	stopping, forced := ctx.Done(), m.forced
	var late <-chan time.Time // when the process has to be gone
	for open := true; open; {
		var r report
		select {
		case r, open = <-reports:
			if open && m.handle(r) {
				heartbeats.received()
			}
			if r.Type == reportEnded {
				late = time.After(exitTime)
			}
		case <-check.C:
			if late == nil && heartbeats.missed() {
				kill(m.silence(heartbeats.patience()))
				check.Stop()
			}
		case <-stopping:
			stopping = nil
			p.send(order{Type: orderStop, Cause: context.Cause(ctx).Error()})
			late = time.After(processBudget(m.shutdown))
		case <-forced:
			forced = nil
			p.send(order{Type: orderForce})
			late = time.After(forcedProcessBudget(m.shutdown))
		case <-late:
			kill(errors.New("it had not ended when the time to shut down was over, and was killed"))
		}
	}
	p.reap(killed)
}

// silence is why a process is killed whose heartbeats stopped for d.
func (m processMonitor) silence(d time.Duration) error {
	if what := m.stalled(); what != "" {
		return fmt.Errorf("its loop was stuck (%s) for %s, and it was killed", what, d)
	}
	return fmt.Errorf("it sent no heartbeat for %s, and was killed", d)
}
