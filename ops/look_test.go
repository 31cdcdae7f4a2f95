package ops_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
)

func metrics(s *ops.Settings) {
	s.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ergon_transactions") })
}

// pages stands for the console.
func pages(s *ops.Settings) {
	s.Console = func(*ops.Server) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	}
}

// Every path is closed to strangers but the few that are listed here, so that one that is added later is closed as well.
func TestLookingFromElsewhereNeedsTheToken(t *testing.T) {
	d := serve(t, func(s *ops.Settings) {
		elsewhere(s)
		metrics(s)
		pages(s)
	})
	d.from = "10.0.0.7:5000"
	right := []string{"Authorization", "Bearer " + secret}
	for _, path := range []string{
		"/api/v1/overview", "/api/v1/tasks/triage", "/api/v1/series", "/api/v1/transactions", "/api/v1/dead-letters",
		"/api/v1/dead-letters/triage", "/api/v1/dead-letters/triage/groups", "/api/v1/configuration", "/", "/tasks/triage",
		"/transactions", "/dead-letters", "/dead-letters/triage", "/configuration",
	} {
		d.want(d.ask(http.MethodGet, path, ""), http.StatusUnauthorized, "ops.token")
		d.want(d.ask(http.MethodHead, path, ""), http.StatusUnauthorized)
		d.want(d.ask(http.MethodGet, path, "", "Cookie", "ergon_ops=00"), http.StatusUnauthorized)
		d.want(d.ask(http.MethodGet, path, "", right...), http.StatusOK)
	}
	for _, path := range []string{"/api/v1/events", "/events?at=/", "/debug/pprof/", "/nothing", "/api/v1/nothing"} {
		d.want(d.ask(http.MethodGet, path, ""), http.StatusUnauthorized)
	}
	for path, text := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/metrics": "ergon_transactions", "/token": "page /token",
		"/assets/console.css": "", "/favicon.ico": "",
	} {
		d.want(d.ask(http.MethodGet, path, ""), http.StatusOK, text)
	}
	if to := d.ask(http.MethodGet, "/assets/../api/v1/overview", "").Header().Get("Location"); to != "/api/v1/overview" {
		t.Errorf("a path that leads out of the open ones is served, or leads to %q", to)
	}
}

func TestBrowserIsLedToThePageThatAsksForTheToken(t *testing.T) {
	d := serve(t, func(s *ops.Settings) {
		elsewhere(s)
		pages(s)
	})
	page := d.ask(http.MethodGet, "/tasks/triage", "", "Accept", "text/html,*/*")
	if page.Code != http.StatusSeeOther || page.Header().Get("Location") != "/token" {
		t.Errorf("status %d, to %q", page.Code, page.Header().Get("Location"))
	}
	in := d.ask(http.MethodPost, "/token", "token="+strings.ReplaceAll(secret, " ", "+"), "Content-Type", "application/x-www-form-urlencoded")
	cookie, _, _ := strings.Cut(in.Header().Get("Set-Cookie"), ";")
	d.want(d.ask(http.MethodGet, "/tasks/triage", "", "Cookie", cookie), http.StatusOK, "triage")
}

func TestMetricsNeedTheTokenWhereThatIsSet(t *testing.T) {
	for name, base := range map[string]func(*ops.Settings){"here": withToken, "elsewhere": elsewhere} {
		t.Run(name, func(t *testing.T) {
			d := serve(t, func(s *ops.Settings) {
				base(s)
				metrics(s)
				s.Config.Metrics = ops.MetricsToken
			})
			d.want(d.ask(http.MethodGet, "/metrics", ""), http.StatusUnauthorized)
			d.want(d.ask(http.MethodGet, "/metrics", "", "Authorization", "Bearer x"), http.StatusUnauthorized)
			d.want(d.ask(http.MethodGet, "/metrics", "", "Authorization", "Bearer "+secret), http.StatusOK, "ergon_transactions")
		})
	}
}

// Strangers learn why a probe fails, and no name of a task or worker.
func TestProbesTellStrangersNamesOfReasons(t *testing.T) {
	for want, change := range map[string]func(*runner.TaskProgress){
		"outage":     func(p *runner.TaskProgress) { p.Snapshot.Outage = true },
		"starting":   func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerStarting },
		"restarting": func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerRestarting },
		"given-up":   func(p *runner.TaskProgress) { p.Each[0].State = runner.WorkerGivenUp },
		"fetching":   func(p *runner.TaskProgress) { p.Each[0].Stalled = "fetching" },
		"outage\ngiven-up": func(p *runner.TaskProgress) {
			p.Snapshot.Outage, p.Each[0].State = true, runner.WorkerGivenUp
			p.Each = append(p.Each, p.Each[0])
		},
	} {
		t.Run(want, func(t *testing.T) {
			path := "/readyz"
			if want == "fetching" {
				path = "/livez"
			}
			d := serve(t, elsewhere)
			d.tasks.set(change)
			ops.Snapshot(d.server, time.Now())
			for _, headers := range [][]string{nil, {"Authorization", "Bearer x"}, {"Authorization", "Bearer " + secret}} {
				w := d.ask(http.MethodGet, path, "", headers...)
				if got := w.Body.String(); w.Code != http.StatusServiceUnavailable || got != want+"\n" {
					t.Errorf("%v: status %d, %q", headers, w.Code, got)
				}
			}
			here := serve(t, withToken)
			here.tasks.set(change)
			ops.Snapshot(here.server, time.Now())
			here.want(here.ask(http.MethodGet, path, ""), http.StatusServiceUnavailable, "triage")
		})
	}
	d := serve(t, elsewhere)
	d.server.Backend().Drain()
	if got := d.ask(http.MethodGet, "/readyz", "").Body.String(); got != "stopping\n" {
		t.Errorf("while it shuts down: %q", got)
	}
}
