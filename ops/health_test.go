package ops_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
)

// [L7] An outage is no reason to start anew, and one to send no work. An idle queue is neither.
func TestHealthIsThatOfTheLoop(t *testing.T) {
	for name, c := range map[string]struct {
		change      func(*runner.TaskProgress)
		live, ready int
		text        string
	}{
		"runs":   {func(*runner.TaskProgress) {}, 200, 200, "ok"},
		"idle":   {func(p *runner.TaskProgress) { p.Snapshot = runner.Snapshot{} }, 200, 200, "ok"},
		"paused": {func(p *runner.TaskProgress) { p.Snapshot.Paused = true }, 200, 200, "ok"},
		"outage": {func(p *runner.TaskProgress) { p.Snapshot.Outage = true }, 200, 503, "outage"},
		"letters cannot be written": {
			func(p *runner.TaskProgress) { p.Snapshot.Unwritten, p.Snapshot.UnwrittenID = 2, "t-7" }, 200, 503,
			`2 transactions stay in their source, such as "t-7"`,
		},
		"has a service that is down": {
			func(p *runner.TaskProgress) {
				p.Each[0].Unhealthy = []runner.Unhealthy{{Component: `service "prices"`, Problem: "no answer"}}
			},
			200, 503, `service "prices" cannot be used: no answer`,
		},
		"is stuck":            {func(p *runner.TaskProgress) { p.Each[0].Stalled = "fetching" }, 503, 200, ""},
		"in its own":          {func(p *runner.TaskProgress) { p.Each[0].Stalled, p.Each[0].PID = "fetching", 7 }, 200, 200, ""},
		"opens":               {func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerStarting }, 200, 503, "being opened"},
		"begins anew":         {func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerRestarting }, 200, 503, "waits to restart"},
		"given up":            {func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerGivenUp }, 200, 503, "given up"},
		"has come to its end": {func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerEnded }, 200, 200, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			d := serve(t, nil)
			d.tasks.set(c.change)
			ops.Snapshot(d.server, time.Now())
			d.want(d.ask(http.MethodGet, "/livez", ""), c.live)
			d.want(d.ask(http.MethodGet, "/readyz", ""), c.ready, c.text)
		})
	}
}

func TestProgramThatShutsDownIsAliveAndNotReady(t *testing.T) {
	d := serve(t, nil)
	d.server.Backend().Drain()
	d.want(d.ask(http.MethodGet, "/livez", ""), http.StatusOK)
	d.want(d.ask(http.MethodGet, "/readyz", ""), http.StatusServiceUnavailable, "shutting down")
	d.want(d.ask(http.MethodGet, "/api/v1/overview", ""), http.StatusOK, `"state":"draining"`)
}

func TestProgramWhoseTasksHaveNotBegunIsAliveAndNotReady(t *testing.T) {
	d := serve(t, nil)
	d.tasks.progress = nil
	ops.Snapshot(d.server, time.Now())
	d.want(d.ask(http.MethodGet, "/livez", ""), http.StatusOK)
	d.want(d.ask(http.MethodGet, "/readyz", ""), http.StatusServiceUnavailable, "no task is running yet")
	d.want(d.ask(http.MethodGet, "/api/v1/tasks/later", ""), http.StatusOK, `"state":"starting"`)
}
