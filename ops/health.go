package ops

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/runner"
)

// reason is the reason for a failed probe.
type reason struct {
	// Name is all that a client without the token gets. Text has the names and numbers.
	Name, Text string
}

// alive returns the loops that are stuck. An empty queue, a service that is down and a paused task are no reason for a restart.
func (b *Backend) alive() []reason {
	var faults []reason
	for _, p := range b.progress() {
		for _, w := range p.Each {
			if w.Stalled != "" && w.PID == 0 { // a worker process is killed by its supervisor
				faults = append(faults, reason{w.Stalled, fmt.Sprintf("worker %s: %s is stuck", w.Name, w.Stalled)})
			}
		}
	}
	return faults
}

// ready returns the reasons why no transactions are processed.
func (b *Backend) ready() []reason {
	if b.draining.Load() {
		return []reason{{"stopping", "the program is shutting down"}}
	}
	progress := b.progress()
	if len(progress) == 0 {
		return []reason{{stateStarting, "no task is running yet"}}
	}
	var faults []reason
	for _, p := range progress {
		if p.Snapshot.Outage {
			faults = append(faults, reason{"outage", fmt.Sprintf("task %s: outage: every transaction fails, only probes are fetched", p.Task)})
		}
		if n := p.Snapshot.Unwritten; n > 0 {
			faults = append(faults, reason{"unwritten", fmt.Sprintf("task %s: dead letters cannot be written, so %d transactions stay in "+
				"their source, such as %q", p.Task, n, p.Snapshot.UnwrittenID)})
		}
		for _, w := range p.Each {
			for _, u := range w.Unhealthy {
				faults = append(faults, reason{"unhealthy", fmt.Sprintf("worker %s: %s cannot be used: %s", w.Name, u.Component, u.Problem)})
			}
			switch w.State {
			case runner.WorkerStarting:
				faults = append(faults, reason{stateStarting, fmt.Sprintf("worker %s: connectors and services are being opened", w.Name)})
			case runner.WorkerRestarting:
				faults = append(faults, reason{"restarting", fmt.Sprintf("worker %s: waits to restart", w.Name)})
			case runner.WorkerGivenUp:
				faults = append(faults, reason{"given-up", fmt.Sprintf("worker %s: given up after too many restarts", w.Name)})
			case runner.WorkerRunning, runner.WorkerEnded:
			}
		}
	}
	return faults
}

// probe answers orchestrators. It is open to everyone: if reading requires the token, it gives only the names of the reasons,
// even to requests with the token.
func (s *Server) probe(check func() []reason) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		faults := check()
		if len(faults) == 0 {
			_, _ = fmt.Fprintln(w, "ok")
			return
		}
		var lines []string
		for _, f := range faults {
			text := f.Text
			if s.settings.Config.protected() {
				text = f.Name
			}
			if !slices.Contains(lines, text) {
				lines = append(lines, text)
			}
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, strings.Join(lines, "\n"))
	})
}
