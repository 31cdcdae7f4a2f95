package ops_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

const secret = "correct horse battery staple"

// fakeTasks are operated in place of a manager's.
type fakeTasks struct {
	mu       sync.Mutex
	progress []runner.TaskProgress
	did      []string
	refuses  error // what every change ends with
}

func (f *fakeTasks) Tasks() []ergon.TaskConfig {
	cfg := ergon.TaskConfig{
		Name: "triage", Consumer: policy.DefaultConsumer(), Producer: policy.DefaultProducer(), Workers: policy.DefaultWorkers(),
	}
	later := cfg
	later.Name = "later"
	return []ergon.TaskConfig{cfg, later}
}

func (f *fakeTasks) Progress() []runner.TaskProgress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.progress)
}

func (f *fakeTasks) Pause(_ context.Context, task string) error  { return f.do("pause", task) }
func (f *fakeTasks) Resume(_ context.Context, task string) error { return f.do("resume", task) }
func (f *fakeTasks) SetConcurrency(_ context.Context, task string, n int) error {
	if n > 10 {
		return errors.Join(runner.ErrUsage, errors.New("too many"))
	}
	return f.do("set", task)
}

func (f *fakeTasks) do(what, task string) error {
	if task != "triage" {
		return &runner.UnknownTaskError{Name: task}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what)
	return f.refuses
}

// set changes where the only worker of triage is.
func (f *fakeTasks) set(change func(*runner.TaskProgress)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := runner.TaskProgress{Task: "triage", Workers: 1, Total: 100}
	p.Each = []runner.WorkerProgress{{Name: "triage-1", State: runner.WorkerRunning}}
	p.Snapshot = runner.Snapshot{
		Fetched: 12, Started: 11, InFlight: 2, Concurrency: 4,
		Outcomes: map[runner.Outcome]int64{runner.Succeeded: 9, runner.DeadLettered: 1},
	}
	change(&p)
	p.Each[0].Snapshot = p.Snapshot
	f.progress = []runner.TaskProgress{p}
}

// fakeDeadLetters are dead letters of triage.
type fakeDeadLetters struct {
	mu   sync.Mutex
	kept []deadletter.Letter
	did  []deadletter.Filter
}

func (*fakeDeadLetters) Tasks() []string { return []string{"triage"} }

func (l *fakeDeadLetters) Groups(context.Context, string, deadletter.Filter) ([]deadletter.Group, error) {
	return []deadletter.Group{{Fingerprint: "f1", Task: "triage", Message: "no such damage", Count: int64(len(l.kept))}}, nil
}

func (l *fakeDeadLetters) List(_ context.Context, _ string, f deadletter.Filter, p deadletter.Page) ([]deadletter.Letter, error) {
	if f.Fingerprint == "broken" {
		return nil, errors.New("the disk is gone")
	}
	return slices.Clone(l.kept[:min(p.Limit, len(l.kept))]), nil
}

func (l *fakeDeadLetters) Retry(_ context.Context, _ string, f deadletter.Filter) (ops.Retried, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, f)
	return ops.Retried{Retried: 1, Left: 1, Reason: "its source takes nothing"}, nil
}

func (l *fakeDeadLetters) Drop(_ context.Context, _ string, f deadletter.Filter) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, f)
	return 2, nil
}

// backend is a server under test, without a listener.
type backend struct {
	t       *testing.T
	tasks   *fakeTasks
	letters *fakeDeadLetters
	server  *ops.Server
	handler http.Handler
	from    string // where requests come from
}

func serve(t *testing.T, change func(*ops.Settings)) *backend {
	t.Helper()
	d := &backend{t: t, tasks: &fakeTasks{}, letters: &fakeDeadLetters{}, from: "127.0.0.1:5000"}
	d.letters.kept = []deadletter.Letter{{Key: "k1", Record: deadletter.Record{ID: "tx-1", Payload: "top secret"}}}
	d.tasks.set(func(*runner.TaskProgress) {})
	s := ops.Settings{
		Config: ops.Config{Listen: "127.0.0.1:0"}, Service: "birds", Tasks: d.tasks, Recorder: observe.NewRecorder(false),
		DeadLetters: d.letters, Logger: slog.New(slog.DiscardHandler),
		Configuration: func(task string) (string, error) { return "tasks: " + task, nil },
	}
	if change != nil {
		change(&s)
	}
	d.server = ops.NewServer(s)
	d.handler = d.server.Handler()
	ops.Snapshot(d.server, time.Now())
	return d
}

// ask sends a request; headers are pairs.
func (d *backend) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(d.t.Context(), method, "http://127.0.0.1:9090"+path, strings.NewReader(body))
	r.RemoteAddr = d.from
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// want wants an answer of that status that contains some text.
func (d *backend) want(w *httptest.ResponseRecorder, status int, parts ...string) {
	d.t.Helper()
	text, _ := io.ReadAll(w.Body)
	if w.Code != status {
		d.t.Errorf("status %d, want %d: %s", w.Code, status, text)
	}
	for _, part := range parts {
		if !strings.Contains(string(text), part) {
			d.t.Errorf("got %s, want %q in it", text, part)
		}
	}
}
