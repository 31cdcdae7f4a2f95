package ops_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

func TestFiguresAreThoseOfTheLastSeconds(t *testing.T) {
	d := serve(t, nil)
	begin := time.Now()
	attempts := []runner.Bucket{{UpTo: time.Millisecond, Count: 50}}
	for second := range 80 {
		d.tasks.set(func(p *runner.TaskProgress) {
			p.Snapshot.Outcomes = map[runner.Outcome]int64{runner.Succeeded: int64(30 * second), runner.DeadLettered: int64(2 * second)}
			if second > 75 {
				attempts = []runner.Bucket{{UpTo: time.Millisecond, Count: 50}, {UpTo: time.Second, Count: 50}}
			}
			p.Snapshot.Phases = map[policy.Phase]runner.PhaseStats{policy.PhaseProcess: {Count: 50, Buckets: attempts}}
		})
		ops.Snapshot(d.server, begin.Add(time.Duration(second)*time.Second))
	}
	o := d.server.Backend().Overview()
	if got := o.Now; got.PerSecond != 32 || got.FailedPerSecond != 2 || got.InFlight != 2 || got.Concurrency != 4 || got.P50 != time.Second {
		t.Errorf("now %+v; want 32/s, 2 of them failed, and latencies of what happened meanwhile only", got)
	}
	points := d.server.Backend().Series("triage", time.Minute)
	last := points[len(points)-1]
	if len(points) != 60 || last.Succeeded != 30 || last.Failed != 2 || !last.At.Equal(begin.Add(79*time.Second)) {
		t.Errorf("%d points, the last %+v", len(points), last)
	}
	if all := d.server.Backend().Series("", time.Minute); !cmp.Equal(all, points) {
		t.Error("all tasks together are not that of the only one")
	}
	d.want(d.ask(http.MethodGet, "/api/v1/series?window=1h", ""), http.StatusOK, `"points":[{`)
	d.want(d.ask(http.MethodGet, "/api/v1/series?window=59s", ""), http.StatusBadRequest, "from 1m to 1h")
	d.want(d.ask(http.MethodGet, "/api/v1/series?window=61m", ""), http.StatusBadRequest)
}

// However long a program runs, its history takes the same memory, and a chart the same points.
func TestHistoryIsBounded(t *testing.T) {
	d := serve(t, nil)
	begin := time.Now()
	for second := range 4000 {
		ops.Snapshot(d.server, begin.Add(time.Duration(second+1)*time.Second))
	}
	points := d.server.Backend().Series("triage", time.Hour)
	if len(points) != 300 || !points[299].At.Equal(begin.Add(4000*time.Second)) || points[299].At.Sub(points[0].At) != 299*12*time.Second {
		t.Errorf("%d points over %s, want 300 over an hour", len(points), points[len(points)-1].At.Sub(points[0].At))
	}
}

func TestRecordedTransactionsAreAsked(t *testing.T) {
	recorder := observe.NewRecorder(false)
	d := serve(t, func(s *ops.Settings) { s.Recorder = recorder })
	recorder.Add(observe.Transaction{
		ID: "tx-1", Task: "triage", Outcome: "dead_lettered", Error: "no such damage", Payload: "top secret",
		Attempts: []observe.Attempt{{Phase: "process", Number: 1, Result: "business"}},
	})
	d.want(d.ask(http.MethodGet, "/api/v1/transactions?q=damage&limit=1", ""), http.StatusOK, `"id":"tx-1"`)
	d.want(d.ask(http.MethodGet, "/api/v1/transactions?outcome=succeeded", ""), http.StatusOK, `{"transactions":[]}`)
	d.want(d.ask(http.MethodGet, "/api/v1/transactions/1", ""), http.StatusOK, `"result":"business"`)
	d.want(d.ask(http.MethodGet, "/api/v1/transactions/2", ""), http.StatusNotFound, "is not recorded")
	d.want(d.ask(http.MethodGet, "/api/v1/transactions/x", ""), http.StatusNotFound)
	d.want(d.ask(http.MethodGet, "/api/v1/transactions?limit=0", ""), http.StatusBadRequest, "limit")
	if !recorder.Watched() {
		t.Error("somebody has looked, and successes are not recorded")
	}
	if text := d.ask(http.MethodGet, "/api/v1/transactions", "").Body.String(); strings.Contains(text, "top secret") {
		t.Error("a payload is shown")
	}
}

func TestNobodyIsWatchedForAfterAWhile(t *testing.T) {
	recorder := observe.NewRecorder(false)
	d := serve(t, func(s *ops.Settings) { s.Recorder = recorder })
	if recorder.Watched() {
		t.Error("watched before anybody has looked")
	}
	d.server.Backend().Watch()
	ops.Snapshot(d.server, time.Now().Add(14*time.Second))
	if !recorder.Watched() {
		t.Error("not watched after 14 s")
	}
	ops.Snapshot(d.server, time.Now().Add(16*time.Second))
	if recorder.Watched() {
		t.Error("watched after 16 s")
	}
}

func TestDeadLettersAreAskedAndDisposedOf(t *testing.T) {
	d := serve(t, nil)
	const at = "/api/v1/dead-letters/triage"
	d.want(d.ask(http.MethodGet, "/api/v1/dead-letters", ""), http.StatusOK, `["triage"]`)
	d.want(d.ask(http.MethodGet, at+"/groups", ""), http.StatusOK, `"fingerprint":"f1"`)
	d.want(d.ask(http.MethodGet, at+"?category=BUSINESS&limit=5", ""), http.StatusOK, `"key":"k1"`, `"payload":null`)
	d.want(d.ask(http.MethodGet, at+"?category=FATAL", ""), http.StatusBadRequest, "category")
	d.want(d.ask(http.MethodGet, at+"?fingerprint=broken", ""), http.StatusInternalServerError, "the disk is gone")
	d.want(d.ask(http.MethodGet, "/api/v1/dead-letters/nobody", ""), http.StatusNotFound, "nobody")
	d.want(d.ask(http.MethodPost, at+"/retry", `{"keys":["k1"]}`), http.StatusOK, `"retried":1,"left":1,"reason":"its source takes nothing"`)
	d.want(d.ask(http.MethodPost, at+"/drop", `{"fingerprint":"f1","category":"TIMEOUT"}`), http.StatusOK, `"dropped":2`)
	d.want(d.ask(http.MethodPost, at+"/drop", `{"all":true}`), http.StatusOK)
	for _, body := range []string{"", "{}", `{"all":true,"keys":["k1"]}`} {
		d.want(d.ask(http.MethodPost, at+"/drop", body), http.StatusBadRequest, "select the dead letters")
	}
	want := []deadletter.Filter{{Task: "triage", Keys: []string{"k1"}}, {Task: "triage", Fingerprint: "f1"}, {Task: "triage", All: true}}
	for i := range d.letters.did {
		d.letters.did[i].Category = nil
	}
	if diff := cmp.Diff(want, d.letters.did); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// Payloads are shown only where that is said. [O3]
func TestPayloadsOfDeadLettersAreShownWhereThatIsAllowed(t *testing.T) {
	d := serve(t, func(s *ops.Settings) { s.Config.Payloads = true })
	d.want(d.ask(http.MethodGet, "/api/v1/dead-letters/triage", ""), http.StatusOK, `"payload":"top secret"`)
}

func TestConfigurationIsAsked(t *testing.T) {
	d := serve(t, nil)
	d.want(d.ask(http.MethodGet, "/api/v1/configuration", ""), http.StatusOK, `"yaml":"tasks: "`)
	d.want(d.ask(http.MethodGet, "/api/v1/nothing", ""), http.StatusNotFound, "unknown endpoint")
}
