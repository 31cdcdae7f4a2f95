package runner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// isolatedTask is a task with worker processes: each is the test binary, with the task in its environment.
type isolatedTask struct {
	Folder     string        `json:"folder"`      // of its queue
	Does       string        `json:"does"`        // what its handler does
	Count      int           `json:"count"`       // of workers
	Limit      int64         `json:"limit"`       // loop.limit
	Streaming  bool          `json:"streaming"`   // loop.streaming
	Heartbeat  time.Duration `json:"heartbeat"`   // a minute where it is 0
	CrashLimit int           `json:"crash_limit"` // 3 where it is 0
	Force      time.Duration `json:"force"`       // of its shutdown, an hour where it is 0
	Waits      bool          `json:"waits"`       // for the end of standard input, before it begins
}

// config is the same in the supervising process as in worker processes.
func (c isolatedTask) config() ergon.TaskConfig {
	cfg := configure("isolated", folder(c.Folder), func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { return nil, c.process(ctx, tx.ID()) }}
	})
	cfg.Workers.Isolation, cfg.Workers.Count = policy.IsolationProcess, max(c.Count, 1)
	cfg.Workers.Heartbeat = cmp.Or(c.Heartbeat, time.Minute)
	cfg.Workers.CrashLimit = cmp.Or(c.CrashLimit, 3)
	cfg.Consumer.Loop.Limit, cfg.Consumer.Loop.Streaming = c.Limit, c.Streaming
	cfg.Consumer.Loop.Concurrency.Value, cfg.Consumer.Loop.Concurrency.Headroom = 2, 1
	cfg.Consumer.Loop.EmptyQueue.Backoff = 10 * time.Millisecond
	for _, r := range []*policy.Retry{&cfg.Consumer.Fetch.Retry, &cfg.Consumer.Success.Retry, &cfg.Consumer.Exception.Retry} {
		r.Timeout = time.Second
	}
	if c.Does == "hang in the spans" {
		cfg.Consumer.Process.Retry = policy.Retry{MaxAttempts: 2, Timeout: time.Second}
	}
	cfg.Shutdown.Grace, cfg.Shutdown.Force = 0, cmp.Or(c.Force, time.Hour)
	if c.Does == "never return" {
		cfg.Consumer.Process.Retry.Timeout, cfg.Consumer.Loop.Concurrency.Value = 100*time.Millisecond, 1
	}
	if c.Does == "forget" {
		cfg.Connectors["input"] = given(finiteQueue(1))
	}
	if c.Does == "produce and exit" {
		cfg.New = func(*ergon.Dependencies) ergon.Task {
			return ergon.Task{
				Prepare: func(_ context.Context, tx ergon.Transaction) error { return c.process(context.Background(), tx.ID()) },
				Transactions: func(context.Context) iter.Seq2[ergon.Transaction, error] {
					return func(yield func(ergon.Transaction, error) bool) {
						_ = yield(ergon.NewTransaction("t00", nil), nil) && yield(ergon.NewTransaction("bad", nil), nil)
					}
				},
			}
		}
	}
	if c.Does == "lack a service" {
		cfg.New = func(d *ergon.Dependencies) ergon.Task {
			ergon.UseService[fmt.Stringer](d, "missing")
			return ergon.Task{}
		}
	}
	return cfg
}

// process is the handler. It misbehaves once, for the transaction "bad", and writes a file for every other transaction.
func (c isolatedTask) process(ctx context.Context, id string) error {
	if id == "bad" && c.first(c.Does) {
		return c.misbehave(ctx)
	}
	switch c.Does {
	case "exit each time":
		os.Exit(3)
	case "heed":
		fmt.Println("processing")
		<-ctx.Done()
		return ctx.Err()
	case "ignore":
		fmt.Println("processing")
		select {}
	}
	return os.WriteFile(filepath.Join(c.Folder, "effects", id), []byte(time.Now().Format(time.RFC3339Nano)), 0o600)
}

// first reports whether it is called for the first time with what, in any process.
func (c isolatedTask) first(what string) bool {
	f, err := os.OpenFile(filepath.Join(c.Folder, strings.ReplaceAll(what, " ", "-")), os.O_CREATE|os.O_EXCL, 0o600)
	return err == nil && f.Close() == nil
}

func (c isolatedTask) misbehave(ctx context.Context) error {
	switch c.Does {
	case "exit", "produce and exit":
		os.Exit(3)
	case "exit well":
		os.Exit(0)
	case "panic aside":
		go panic("nobody catches this")
	case "hang in the spans":
		return errors.New("the span of the next attempt hangs")
	case "hold still":
		fmt.Fprintln(os.Stderr, "holding", os.Getpid())
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // until it is stopped, which takes a moment
	case "never return":
		select {}
	case "be told to end":
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	default:
		return os.WriteFile(filepath.Join(c.Folder, "effects", "bad"), nil, 0o600)
	}
	<-ctx.Done() // where the process does not end before that
	return ctx.Err()
}

// hangingTracers hang at the start of the span of a second attempt, and with it the worker.
type (
	hangingTracers struct{ tracenoop.TracerProvider }
	hangingTracer  struct{ tracenoop.Tracer }
	recordingSpan  struct{ tracenoop.Span }
)

func (hangingTracers) Tracer(string, ...trace.TracerOption) trace.Tracer { return hangingTracer{} }

func (hangingTracer) Start(ctx context.Context, name string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	if name == "process attempt 2" {
		select {}
	}
	return trace.ContextWithSpan(ctx, recordingSpan{}), recordingSpan{}
}

func (recordingSpan) IsRecording() bool { return true }

// runIsolated is main of worker processes, and of a supervising process that is not the test.
func runIsolated(text string) error {
	var c isolatedTask
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, force, stop := runner.Signals(context.Background())
	defer stop()
	s := runner.Settings{Force: force, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Recorder: observe.NewRecorder(false)}
	if _, worker := runner.InWorkerProcess(); worker && c.Does == "hang in the spans" {
		s.TracerProvider = hangingTracers{}
	}
	if c.Waits {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	context.AfterFunc(ctx, func() { fmt.Println("stopping") })
	_, err := runner.RunTask(ctx, c.config(), s)
	return err
}

// environ is the value of the variable that makes the test binary run the task.
func (c isolatedTask) environ() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// run runs the task; the test itself supervises. The recording gets the log and the output of the worker processes.
func (c isolatedTask) run(ctx context.Context, t *testing.T, recording *recording) (*runner.Manager, func() (runner.TaskSummary, error)) {
	t.Helper()
	return c.runRecorded(ctx, t, recording, nil)
}

func (c isolatedTask) runRecorded(
	ctx context.Context, t *testing.T, recording *recording, recorder *observe.Recorder,
) (*runner.Manager, func() (runner.TaskSummary, error)) {
	t.Helper()
	t.Setenv(asProgram, c.environ())
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector has processes wait a second before they exit
	m := manage(t, runner.Settings{Output: recording, Logger: slog.New(slog.NewTextHandler(recording, nil)), Recorder: recorder}, c.config())
	var (
		summary runner.Summary
		err     error
		end     sync.WaitGroup
	)
	end.Go(func() { summary, err = m.Run(ctx) })
	return m, func() (runner.TaskSummary, error) {
		end.Wait()
		return summary.Tasks[0], err
	}
}

// folder is a queue in the file system. A transaction is a file, which moves from pending to claimed, with the process in its
// name, and then to done. The claims of a process that is gone are pending again.
type folder string

// newFolder is a queue with pending transactions of these ids.
func newFolder(t testing.TB, ids ...string) folder {
	t.Helper()
	f := folder(t.TempDir())
	for _, state := range []string{"pending", "claimed", "done", "effects"} {
		if err := os.Mkdir(f.path(state), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f.add(t, ids...)
	return f
}

// add adds pending transactions of these ids.
func (f folder) add(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := os.WriteFile(f.path("pending", id), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (f folder) path(more ...string) string {
	return filepath.Join(append([]string{string(f)}, more...)...)
}

// in returns the names of the files in a state, in order.
func (f folder) in(state string) []string {
	entries, _ := os.ReadDir(f.path(state))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func (f folder) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	for _, claim := range f.in("claimed") {
		id, process, _ := strings.Cut(claim, "~")
		if pid, _ := strconv.Atoi(process); errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.Rename(f.path("claimed", claim), f.path("pending", id))
		}
	}
	var txs []ergon.Transaction
	for _, id := range f.in("pending") {
		if len(txs) < limit && os.Rename(f.path("pending", id), f.path("claimed", f.claim(id))) == nil {
			txs = append(txs, ergon.NewTransaction(id, nil))
		}
	}
	return txs, nil
}

func (f folder) claim(id string) string { return fmt.Sprintf("%s~%d", id, os.Getpid()) }

func (f folder) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	var errs []error
	for _, s := range batch {
		to := map[bool]string{true: "pending", false: "done"}[s.Action == policy.SettleRequeue]
		errs = append(errs, os.Rename(f.path("claimed", f.claim(s.Transaction.ID())), f.path(to, s.Transaction.ID())))
	}
	return errors.Join(errs...)
}

func (f folder) CountTransactions(context.Context) (int64, error) {
	return int64(len(f.in("pending"))), nil
}

// recording is a writer whose lines a test can wait for.
type recording struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newRecording() *recording { return &recording{changed: make(chan struct{})} }

func (l *recording) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *recording) lines() ([]string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n"), l.changed
}

// await waits for a line that contains text and returns it.
func (l *recording) await(t *testing.T, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		lines, changed := l.lines()
		for _, line := range lines {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("no line with %q in\n%s", text, strings.Join(lines, "\n"))
		}
	}
}
