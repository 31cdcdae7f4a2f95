package ops_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
)

const pause = "/api/v1/tasks/triage/pause"

func withToken(s *ops.Settings) { s.Config.Token = secret }

func elsewhere(s *ops.Settings) { s.Config = ops.Config{Listen: "0.0.0.0:0", Token: secret} }

func TestChangesNeedTheTokenWhereOneIsSet(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ops.Settings)
		header []string
		status int
	}{
		"this machine, no token": {nil, nil, http.StatusOK},
		"none given":             {withToken, nil, http.StatusUnauthorized},
		"wrong":                  {withToken, []string{"Authorization", "Bearer " + secret + "x"}, http.StatusUnauthorized},
		"another scheme":         {withToken, []string{"Authorization", "Basic " + secret}, http.StatusUnauthorized},
		"wrong cookie":           {withToken, []string{"Cookie", "ergon_ops=0000"}, http.StatusUnauthorized},
		"right":                  {withToken, []string{"Authorization", "Bearer " + secret}, http.StatusOK},
		"elsewhere, none given":  {elsewhere, nil, http.StatusUnauthorized},
		"elsewhere, right":       {elsewhere, []string{"Authorization", "Bearer " + secret}, http.StatusOK},
		"the token, cross-site": {
			withToken, []string{"Authorization", "Bearer " + secret, "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden,
		},
		"another origin":          {nil, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"same site, other origin": {nil, []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		"same origin":             {nil, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:9090"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			d := serve(t, c.change)
			d.want(d.ask(http.MethodPost, pause, "", c.header...), c.status)
			if did := len(d.tasks.did) == 1; did != (c.status == http.StatusOK) {
				t.Errorf("it was done: %v", did)
			}
			looks := http.StatusOK // on this machine looking is open; elsewhere it needs the token too
			if name == "elsewhere, none given" {
				looks = http.StatusUnauthorized
			}
			d.want(d.ask(http.MethodGet, "/api/v1/overview", "", c.header...), looks)
		})
	}
}

// A web page can have its own name lead to 127.0.0.1, and would then be of the same origin.
func TestOnlyNamesOfThisMachineAreAnsweredOnIt(t *testing.T) {
	for host, status := range map[string]int{
		"localhost:9090": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:9090": http.StatusOK, "LOCALHOST.": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "127.0.0.1.evil.example:9090": http.StatusMisdirectedRequest,
		"10.0.0.1:9090": http.StatusMisdirectedRequest,
	} {
		d := serve(t, nil)
		d.want(d.ask(http.MethodGet, "/livez", "", "Host", host), status)
	}
	d := serve(t, elsewhere)
	d.want(d.ask(http.MethodGet, "/livez", "", "Host", "pod-7.cluster"), http.StatusOK)
}

func TestFormSignsIn(t *testing.T) {
	d := serve(t, withToken)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	wrong := d.ask(http.MethodPost, "/token", "token=nope", form...)
	if wrong.Header().Get("Set-Cookie") != "" || wrong.Header().Get("Location") != "/token?wrong=1" {
		t.Errorf("a wrong token: %v", wrong.Header())
	}
	right := d.ask(http.MethodPost, "/token", "token="+strings.ReplaceAll(secret, " ", "+"), form...)
	got := right.Header().Get("Set-Cookie")
	if !strings.Contains(got, "HttpOnly; SameSite=Strict") || strings.Contains(got, secret) {
		t.Errorf("cookie %q", got)
	}
	name, _, _ := strings.Cut(got, ";")
	d.want(d.ask(http.MethodPost, pause, "", "Cookie", name), http.StatusOK)
	if other := serve(t, withToken); other.ask(http.MethodPost, pause, "", "Cookie", name).Code != http.StatusUnauthorized {
		t.Error("the cookie of one process holds in another")
	}
	d.want(d.ask(http.MethodPost, "/token", "token=x", append(form, "Sec-Fetch-Site", "cross-site")...), http.StatusForbidden)
}

func TestProfilesAreForThisMachine(t *testing.T) {
	const at = "/debug/pprof/cmdline"
	here, there := serve(t, nil), serve(t, elsewhere)
	here.want(here.ask(http.MethodGet, at, ""), http.StatusOK)
	knows := []string{"Authorization", "Bearer " + secret}
	there.want(there.ask(http.MethodGet, at, ""), http.StatusUnauthorized)
	there.want(there.ask(http.MethodGet, at, "", knows...), http.StatusOK)
	there.want(there.ask(http.MethodGet, at, "", append(knows, "Host", "pod-7")...), http.StatusForbidden, "for this machine only")
	there.want(there.ask(http.MethodPost, at, "", knows...), http.StatusMethodNotAllowed)
	for _, path := range []string{"", "cmdline", "profile?seconds=1", "symbol", "trace?seconds=1", "heap"} {
		there.from = "10.0.0.7:5000" // under a name of this machine, which its sender chooses
		there.want(there.ask(http.MethodGet, "/debug/pprof/"+path, "", knows...), http.StatusForbidden, "for this machine only")
		for _, header := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-host", "X-Real-IP"} {
			here.want(here.ask(http.MethodGet, "/debug/pprof/"+path, "", header, "x"), http.StatusForbidden, "came through a proxy")
		}
	}
}

func TestMethodsAndBodiesAreChecked(t *testing.T) {
	d := serve(t, nil)
	set := "/api/v1/tasks/triage/concurrency"
	d.want(d.ask(http.MethodGet, pause, ""), http.StatusNotFound, `"error"`)
	d.want(d.ask(http.MethodDelete, pause, ""), http.StatusNotFound)
	d.want(d.ask(http.MethodPost, set, `{"value": 4}`), http.StatusOK, `"name":"triage"`)
	d.want(d.ask(http.MethodPost, set, `{"value": 40}`), http.StatusConflict, "too many")
	d.want(d.ask(http.MethodPost, set, `{"valeu": 4}`), http.StatusBadRequest, "unknown field")
	d.want(d.ask(http.MethodPost, set, `value=4`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
	d.want(d.ask(http.MethodPost, set, `{"value":`+strings.Repeat(" ", 1<<20)+`4}`), http.StatusRequestEntityTooLarge)
	d.want(d.ask(http.MethodPost, "/api/v1/tasks/nobody/pause", ""), http.StatusNotFound, "nobody")
	d.want(d.ask(http.MethodGet, "/metrics", ""), http.StatusNotFound, "telemetry.metrics")
}

// A change that a worker process has not confirmed is no success, and the answer names the process.
func TestChangesThatAreNotConfirmedAreNoSuccess(t *testing.T) {
	d := serve(t, nil)
	d.tasks.refuses = fmt.Errorf("%w: no answer from triage-2 (process 12)", runner.ErrUnconfirmed)
	for change, body := range map[string]string{"pause": "", "resume": "", "concurrency": `{"value": 4}`} {
		d.want(d.ask(http.MethodPost, "/api/v1/tasks/triage/"+change, body), http.StatusGatewayTimeout, "triage-2 (process 12)")
	}
}

func TestBrowsersAreToldToLoadNothingFromElsewhere(t *testing.T) {
	h := serve(t, nil).ask(http.MethodGet, "/livez", "").Header()
	for key, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if !strings.HasPrefix(h.Get(key), want) {
			t.Errorf("%s is %q, want %q", key, h.Get(key), want)
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Error("the policy allows what is unsafe")
	}
}
