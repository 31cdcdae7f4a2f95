package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/ops"
)

// Every page is whole as it comes from the server: nothing of it needs a script.
func TestPagesAreWholeWithoutScripts(t *testing.T) {
	v := open(t, nil)
	for path, parts := range map[string][]string{
		"/": {
			"<title>Overview · birds</title>", `href="/tasks/triage"`, "1,001<small> / 2,000", "4711", `class="chip good">running`,
		},
		"/?window=1h": {`href="?window=1h" aria-current="true"`, "No data yet"},
		"/tasks/triage": {
			`action="/tasks/triage/pause"`, "2 running", "1,007 attempts", "2 waiting", "dead-lettered", "Policy in force",
			"1<small> of at most 16", "Duplicates ignored</dt><dd>5<", `not stored</dt><dd class="bad">6<`, "stored as well</dt><dd>7<",
		},
		"/transactions":        {"&lt;img", `href="/transactions/1"`, "dead-lettered"},
		"/transactions?q=none": {"No recorded transaction matches"},
		"/transactions/1": {
			"process 2", "2 earlier attempts", "dead letter, ack", "4bf92f", `x="899.1"`, "ops.payloads: true",
		},
		"/dead-letters":                       {`href="/dead-letters/triage?fingerprint=f1"`, "&lt;img"},
		"/dead-letters/triage":                {`name="key" value="k2"`, "Retry all 2…", `name="all" value="1"`},
		"/dead-letters/triage?fingerprint=f1": {"2 in this group", `name="fingerprint" value="f1"`},
		"/dead-letters/triage?fingerprint=f2": {"Show all"},
		"/dead-letters/triage/letter?key=k1": {
			"tx-k1", "after 3 attempts", "Previous failures", "The exception handler failed as well", "ops.payloads: true",
		},
		"/dead-letters/triage/confirm?do=drop": {"Drop 2 dead letters?", "cannot be restored"},
		"/configuration":                       {"note: &#39;"},
		"/token":                               {"No token is configured"},
	} {
		t.Run(path, func(t *testing.T) {
			page := v.get(path, http.StatusOK)
			want(t, page, append(parts, `<html lang="en">`, `<main id="main"`, `aria-label="Pages"`)...)
			if n := strings.Count(page, "<h1"); n != 1 {
				t.Errorf("%d headings of the first level", n)
			}
			own := strings.ReplaceAll(page, "&lt;img src=x onerror=alert(1)&gt;", "")
			if inline := regexp.MustCompile(`(?i)<script>|\sstyle=|\son[a-z]+=|https?://`).FindString(own); inline != "" {
				t.Errorf("%q: the policy of the page refuses it", inline)
			}
		})
	}
}

func TestPagesThatAreNotThereSaySo(t *testing.T) {
	v := open(t, nil)
	for path, part := range map[string]string{
		"/nothing": "Page not found: /nothing", "/tasks/nobody": "unknown task", "/transactions/99": "is not recorded",
		"/dead-letters/nobody": "cannot be inspected", "/dead-letters/triage/letter?key=k9": "requeued or dropped",
	} {
		want(t, v.get(path, http.StatusNotFound), part, "To the overview")
	}
	want(t, v.get("/?window=1s", http.StatusBadRequest), "window")
	want(t, v.get("/dead-letters/triage?category=FATAL", http.StatusBadRequest), "category")
	v.get("/assets/nothing.css", http.StatusNotFound)
}

func TestPayloadsAreShownWhereThatIsAllowed(t *testing.T) {
	v := open(t, func(s *ops.Settings) { s.Config.Payloads = true })
	want(t, v.get("/transactions/1", http.StatusOK), `<pre class="code">&lt;img`)
	want(t, v.get("/dead-letters/triage/letter?key=k1", http.StatusOK), "payload &lt;img")
}

func TestTasksAreChangedByForms(t *testing.T) {
	v := open(t, nil)
	want(t, v.post("/tasks/triage/pause", url.Values{}, http.StatusOK), "Paused: no more transactions are fetched", `role="status"`)
	want(t, v.post("/tasks/triage/resume", url.Values{}, http.StatusOK), "Resumed.")
	want(t, v.post("/tasks/triage/concurrency", url.Values{"value": {"7"}}, http.StatusOK), "The concurrency of each worker is 7 until")
	want(t, v.post("/tasks/triage/concurrency", url.Values{"value": {"many"}}, http.StatusBadRequest), "is not a number")
	want(t, v.post("/tasks/triage/concurrency", url.Values{"value": {"11"}}, http.StatusConflict), "The request failed")
	want(t, v.post("/tasks/triage/explode", url.Values{}, http.StatusNotFound), "Unknown action")
	if got := []string{"pause triage", "resume triage", "set triage"}; !slices.Equal(v.tasks.did, got) {
		t.Errorf("did %q, want %q", v.tasks.did, got)
	}
}

// Nothing is done to many, and nothing for good, before somebody is sure.
func TestDeadLettersAreDisposedOfByForms(t *testing.T) {
	v := open(t, nil)
	at := "/dead-letters/triage/"
	want(t, v.post(at+"retry", url.Values{}, http.StatusOK), "No dead letters were selected.")
	want(t, v.post(at+"retry", url.Values{"key": {"k1"}, "all": {"1"}}, http.StatusOK), "No dead letters were selected.")
	want(t, v.post(at+"drop", url.Values{"key": {"k1"}}, http.StatusOK), "Drop 1 dead letter?", `name="key" value="k1"`)
	want(t, v.post(at+"retry", url.Values{"all": {"1"}}, http.StatusOK), "Retry 2 dead letters?", `name="all" value="1"`)
	want(t, v.post(at+"retry", url.Values{"fingerprint": {"f1"}}, http.StatusOK), `name="fingerprint" value="f1"`)
	if len(v.letters.did) > 0 {
		t.Errorf("did %q before anybody was sure", v.letters.did)
	}
	want(t, v.post(at+"retry", url.Values{"key": {"k1"}}, http.StatusOK),
		"Requeued 1 dead letter. 1 dead letter left: its source takes nothing")
	want(t, v.post(at+"drop", url.Values{"key": {"k1", "k2"}, "sure": {"1"}}, http.StatusOK), "Dropped 2 dead letters.")
	want(t, v.post(at+"drop", url.Values{"all": {"1"}, "sure": {"1"}}, http.StatusOK), "Dropped 2 dead letters.")
	want(t, v.post(at+"explode", url.Values{"key": {"k1"}, "sure": {"1"}}, http.StatusNotFound), "Unknown action")
	if got := []string{"retry k1 ", "drop k1+k2 ", "drop  "}; !slices.Equal(v.letters.did, got) {
		t.Errorf("did %q, want %q", v.letters.did, got)
	}
}

// Nobody can have a page say that something was done by having it opened from elsewhere.
func TestNoticesComeFromTheConsoleItself(t *testing.T) {
	v := open(t, nil)
	for site, shown := range map[string]bool{"": true, "same-origin": true, "none": false, "same-site": false, "cross-site": false} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/?done=All+is+lost", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", site)
		if page := v.send(r, http.StatusOK); strings.Contains(page, "All is lost") != shown {
			t.Errorf("from %q: shown is %v, want %v", site, !shown, shown)
		}
	}
}

func TestWhoeverDoesNotKnowTheTokenOnlyLooks(t *testing.T) {
	v := open(t, func(s *ops.Settings) { s.Config.Token = "correct horse battery staple" })
	want(t, v.get("/tasks/triage", http.StatusOK), `<button class="button" disabled>Pause`, `<a href="/token">enter the token</a>`)
	want(t, v.get("/token?wrong=1", http.StatusOK), "The token is wrong", `type="password"`)
	want(t, v.post("/tasks/triage/pause", url.Values{}, http.StatusUnauthorized), "ops.token")
	if len(v.tasks.did) > 0 {
		t.Error("it was done")
	}
}

func TestConsoleWithoutAnythingToShowSaysWhatWouldBeThere(t *testing.T) {
	v := open(t, func(s *ops.Settings) { s.DeadLetters, s.Configuration, s.Recorder = nil, nil, nil })
	want(t, v.get("/transactions", http.StatusOK), "No transactions yet.")
	want(t, v.get("/dead-letters", http.StatusOK), "No task keeps its dead letters in a store that can be inspected")
	want(t, v.get("/configuration", http.StatusOK), "does not show its configuration")
}
