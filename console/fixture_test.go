package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/console"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// hostile is text that would be markup if a page did not escape it.
const hostile = `<img src=x onerror=alert(1)>`

// tasks are operated in place of a manager's.
type tasks struct {
	mu  sync.Mutex
	did []string
}

func (*tasks) Tasks() []ergon.TaskConfig {
	return []ergon.TaskConfig{{
		Name: "triage", Consumer: policy.DefaultConsumer(), Producer: policy.DefaultProducer(), Workers: policy.DefaultWorkers(),
	}}
}

func (*tasks) Progress() []runner.TaskProgress {
	s := runner.Snapshot{
		Fetched: 1012, Started: 1011, InFlight: 3, Unsettled: 5, Concurrency: 4, Retries: 2, Abandoned: 1,
		Duplicates: 5, Conflicts: 6, Diverged: 7,
		Active:   map[policy.Phase]int64{policy.PhaseProcess: 2},
		Outcomes: map[runner.Outcome]int64{runner.Succeeded: 1001, runner.DeadLettered: 4, runner.Requeued: 1},
		Phases: map[policy.Phase]runner.PhaseStats{
			policy.PhaseProcess: {Count: 1007, P50: time.Millisecond, P99: time.Second, Max: 2 * time.Second},
		},
	}
	return []runner.TaskProgress{{Task: "triage", Workers: 1, Total: 2000, Snapshot: s, Each: []runner.WorkerProgress{
		{Name: "triage-1", State: runner.WorkerRunning, PID: 4711, Restarts: 1, Heartbeat: time.Now(), Snapshot: s},
	}}}
}

func (t *tasks) Pause(_ context.Context, task string) error  { return t.do("pause " + task) }
func (t *tasks) Resume(_ context.Context, task string) error { return t.do("resume " + task) }
func (t *tasks) SetConcurrency(_ context.Context, task string, n int) error {
	if n > 10 {
		return runner.ErrUsage
	}
	return t.do("set " + task)
}

func (t *tasks) do(what string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.did = append(t.did, what)
	return nil
}

// letters are the dead letters of triage.
type letters struct {
	mu   sync.Mutex
	kept []deadletter.Letter
	did  []string
}

func (*letters) Tasks() []string { return []string{"triage"} }

func (l *letters) matching(f deadletter.Filter) []deadletter.Letter {
	return slices.DeleteFunc(slices.Clone(l.kept), func(one deadletter.Letter) bool {
		return len(f.Keys) > 0 && !slices.Contains(f.Keys, one.Key) || f.Fingerprint != "" && f.Fingerprint != one.Fingerprint
	})
}

func (l *letters) Groups(_ context.Context, _ string, f deadletter.Filter) ([]deadletter.Group, error) {
	found := l.matching(f)
	if len(found) == 0 {
		return nil, nil
	}
	return []deadletter.Group{{Fingerprint: "f1", Task: "triage", Message: hostile, Count: int64(len(found)), Last: time.Now()}}, nil
}

func (l *letters) List(_ context.Context, _ string, f deadletter.Filter, p deadletter.Page) ([]deadletter.Letter, error) {
	found := l.matching(f)
	return found[:min(p.Limit, len(found))], nil
}

func (l *letters) Retry(_ context.Context, _ string, f deadletter.Filter) (ops.Retried, error) {
	return ops.Retried{Retried: l.do("retry", f), Left: 1, Reason: "its source takes nothing"}, nil
}

func (l *letters) Drop(_ context.Context, _ string, f deadletter.Filter) (int64, error) {
	return l.do("drop", f), nil
}

func (l *letters) do(what string, f deadletter.Filter) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, what+" "+strings.Join(f.Keys, "+")+" "+f.Fingerprint)
	return int64(len(l.matching(f)))
}

// visit is a console that is looked at over the network.
type visit struct {
	t        *testing.T
	tasks    *tasks
	letters  *letters
	recorder *observe.Recorder
	url      string
}

func open(t *testing.T, change func(*ops.Settings)) *visit {
	t.Helper()
	v := &visit{t: t, tasks: &tasks{}, letters: &letters{}, recorder: observe.NewRecorder(true)}
	for _, key := range []string{"k1", "k2"} {
		v.letters.kept = append(v.letters.kept, deadletter.Letter{Key: key, Queue: "orders", Record: deadletter.Record{
			ID: "tx-" + key, Task: "triage", Message: hostile, FirstError: "first " + hostile, Fingerprint: "f1", Attempts: 3,
			HandlerFailed: true, HandlerError: "handler " + hostile, Phase: policy.PhaseProcess, Payload: "payload " + hostile,
			Metadata: map[string]string{"a": hostile},
		}, History: []deadletter.Failure{{Message: "before"}}})
	}
	s := ops.Settings{
		Config: ops.Config{Listen: "127.0.0.1:0"}, Service: "birds", Tasks: v.tasks, Recorder: v.recorder, DeadLetters: v.letters,
		Console: console.New, Logger: slog.New(slog.DiscardHandler),
		Configuration: func(string) (string, error) { return "note: '" + hostile + "'", nil },
	}
	if change != nil {
		change(&s)
	}
	server, err := ops.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	v.url = strings.TrimSuffix(server.URL(), "/")
	v.recorder.Add(observe.Transaction{
		ID: hostile, Task: "triage", Worker: "triage-1", Outcome: "dead_lettered", Category: "BUSINESS", Phase: "process", Error: hostile,
		Took: time.Second, Metadata: map[string]string{"k": hostile}, Payload: hostile, TraceID: "4bf92f", Omitted: 2,
		Attempts: []observe.Attempt{
			{Phase: "process", Number: 1, Took: 100 * time.Millisecond, Result: "timeout", Error: hostile},
			{Phase: "process", Number: 2, Start: 900 * time.Millisecond, Took: 100 * time.Millisecond, Result: "business", Error: hostile},
		},
		Settled: &observe.Settlement{Action: "ack", DeadLetter: true, Start: time.Second, Took: time.Millisecond},
	})
	return v
}

// get returns a page, which must have that status; it follows redirections.
func (v *visit) get(path string, status int) string { return v.do(http.MethodGet, path, nil, status) }

// post sends a form and returns the page that it leads to.
func (v *visit) post(path string, form url.Values, status int) string {
	return v.do(http.MethodPost, path, form, status)
}

func (v *visit) do(method, path string, form url.Values, status int) string {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return v.send(r, status)
}

func (v *visit) send(r *http.Request, status int) string {
	v.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		v.t.Errorf("%s %s: %v, status %d, want %d", r.Method, r.URL, err, response.StatusCode, status)
	}
	return string(text)
}

// want wants all parts in a page, and no markup that is not the page's own.
func want(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not in the page:\n%s", part, page)
		}
	}
	if strings.Contains(page, hostile) {
		t.Error("text is markup in the page")
	}
}
