package ops

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ergon-go/ergon/runner"
)

// alive says what stands still; nothing where all loops turn. That a queue is empty, a service is down or a task is paused
// is no reason to be started anew.
func (d *Desk) alive() []string {
	var faults []string
	for _, p := range d.progress() {
		for _, w := range p.Each {
			if w.Stalled != "" && w.PID == 0 { // one with a process of its own is killed by its supervisor
				faults = append(faults, fmt.Sprintf("worker %s: %s stands still", w.Name, w.Stalled))
			}
		}
	}
	return faults
}

// ready says why no transactions are taken.
func (d *Desk) ready() []string {
	if d.draining.Load() {
		return []string{"the program is shutting down"}
	}
	progress := d.progress()
	if len(progress) == 0 {
		return []string{"no task runs yet"}
	}
	var faults []string
	for _, p := range progress {
		if p.Snapshot.Outage {
			faults = append(faults, fmt.Sprintf("task %s: everything fails, only probes are fetched (outage)", p.Task))
		}
		for _, w := range p.Each {
			switch w.State {
			case runner.WorkerStarting:
				faults = append(faults, fmt.Sprintf("worker %s: connectors and services are being opened", w.Name))
			case runner.WorkerRestarting:
				faults = append(faults, fmt.Sprintf("worker %s: waits to begin anew", w.Name))
			case runner.WorkerGivenUp:
				faults = append(faults, fmt.Sprintf("worker %s: was given up", w.Name))
			case runner.WorkerRunning, runner.WorkerEnded:
			}
		}
	}
	return faults
}

// probe answers as orchestrators want it.
func probe(check func() []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		faults := check()
		if len(faults) == 0 {
			_, _ = fmt.Fprintln(w, "ok")
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, strings.Join(faults, "\n"))
	})
}
