package ops

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/runner"
)

// reason is why a probe fails.
type reason struct {
	// Name is all that a stranger is told; Text says what it is about, and names what it is about.
	Name, Text string
}

// alive says what stands still; nothing where all loops turn. That a queue is empty, a service is down or a task is paused
// is no reason to be started anew.
func (d *Desk) alive() []reason {
	var faults []reason
	for _, p := range d.progress() {
		for _, w := range p.Each {
			if w.Stalled != "" && w.PID == 0 { // one with a process of its own is killed by its supervisor
				faults = append(faults, reason{w.Stalled, fmt.Sprintf("worker %s: %s stands still", w.Name, w.Stalled)})
			}
		}
	}
	return faults
}

// ready says why no transactions are taken.
func (d *Desk) ready() []reason {
	if d.draining.Load() {
		return []reason{{"stopping", "the program is shutting down"}}
	}
	progress := d.progress()
	if len(progress) == 0 {
		return []reason{{stateStarting, "no task runs yet"}}
	}
	var faults []reason
	for _, p := range progress {
		if p.Snapshot.Outage {
			faults = append(faults, reason{"outage", fmt.Sprintf("task %s: everything fails, only probes are fetched (outage)", p.Task)})
		}
		if n := p.Snapshot.Unwritten; n > 0 {
			faults = append(faults, reason{"unwritten", fmt.Sprintf("task %s: dead letters cannot be written, so %d transactions stay with "+
				"their source, such as %q", p.Task, n, p.Snapshot.UnwrittenID)})
		}
		for _, w := range p.Each {
			switch w.State {
			case runner.WorkerStarting:
				faults = append(faults, reason{stateStarting, fmt.Sprintf("worker %s: connectors and services are being opened", w.Name)})
			case runner.WorkerRestarting:
				faults = append(faults, reason{"restarting", fmt.Sprintf("worker %s: waits to begin anew", w.Name)})
			case runner.WorkerGivenUp:
				faults = append(faults, reason{"given-up", fmt.Sprintf("worker %s: was given up", w.Name)})
			case runner.WorkerRunning, runner.WorkerEnded:
			}
		}
	}
	return faults
}

// probe answers as orchestrators want it. It is open to everybody, so where looking needs the token it tells the names of
// reasons and no more, whatever a request brings.
func (s *Server) probe(check func() []reason) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		faults := check()
		if len(faults) == 0 {
			_, _ = fmt.Fprintln(w, "ok")
			return
		}
		var told []string
		for _, f := range faults {
			text := f.Text
			if s.settings.Config.protected() {
				text = f.Name
			}
			if !slices.Contains(told, text) {
				told = append(told, text)
			}
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, strings.Join(told, "\n"))
	})
}
