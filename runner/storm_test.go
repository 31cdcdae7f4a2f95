package runner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// faultRuns is the number of runs in the tests; STORM sets another number, SEED the first seed.
const faultRuns = 300

// faults is what goes wrong in one run: in each method of code that is not ours, from which call on.
type faults struct {
	release chan struct{} // closed when what hangs continues

	mu    sync.Mutex
	modes map[string]string // wrong, by method: panics, hangs or lags
	from  map[string]int
	calls map[string]int
}

// places are all methods that somebody else has written.
var places = []string{
	"Error", "Is", "As", "Unwrap", "LogValue", "IsPermanent", "Clone", "MarshalJSON",
	"Enabled", "Handle", "OnStart", "OnEnd", "Flush",
	"New", "Open", "Close", "Fetch", "Settle", "Extend", "Count", "Dispatch", "Bury",
	"Process", "Success", "Exception", "Prepare", "Exit", "Iterate",
}

func newFaults(random *rand.Rand) *faults {
	w := &faults{release: make(chan struct{}), modes: map[string]string{}, from: map[string]int{}, calls: map[string]int{}}
	bad := slices.Clone(places)
	random.Shuffle(len(bad), func(i, j int) { bad[i], bad[j] = bad[j], bad[i] })
	if n := random.IntN(8); n > 0 { // otherwise all of them
		bad = bad[:n]
	}
	for _, place := range bad {
		w.modes[place] = []string{"panics", "hangs", "lags"}[random.IntN(3)]
		w.from[place] = 1 + random.IntN(3)
	}
	return w
}

// at is called by each of the methods.
func (w *faults) at(place string) {
	w.mu.Lock()
	w.calls[place]++
	does := w.modes[place]
	if w.calls[place] < w.from[place] {
		does = ""
	}
	w.mu.Unlock()
	switch does {
	case "panics":
		panic("storm in " + place)
	case "hangs":
		<-w.release
	case "lags":
		select {
		case <-time.After(700 * time.Millisecond):
		case <-w.release:
		}
	}
}

func (w *faults) String() string {
	text := ""
	for _, place := range slices.Sorted(maps.Keys(w.modes)) {
		text += fmt.Sprintf(" %s %s from call %d;", place, w.modes[place], w.from[place])
	}
	return text
}

type faultyError struct{ *faults }

func (e *faultyError) Error() string {
	e.at("Error")
	return "storm"
}

func (e *faultyError) Is(error) bool {
	e.at("Is")
	return false
}

func (e *faultyError) As(any) bool {
	e.at("As")
	return false
}

func (e *faultyError) Unwrap() error {
	e.at("Unwrap")
	return nil
}

func (e *faultyError) LogValue() slog.Value {
	e.at("LogValue")
	return slog.StringValue("storm")
}

func (e *faultyError) IsPermanent() bool {
	e.at("IsPermanent")
	return false
}

// faultyPayload reaches the faults by a function, behind which nobody looks: a dead letter describes what a payload holds.
type faultyPayload struct{ at func(string) }

func (p *faultyPayload) Clone() *faultyPayload {
	p.at("Clone")
	return p
}

func (p *faultyPayload) MarshalJSON() ([]byte, error) {
	p.at("MarshalJSON")
	return []byte(`{}`), nil
}

type faultyLog struct{ *faults }

func (l faultyLog) Enabled(context.Context, slog.Level) bool {
	l.at("Enabled")
	return true
}

func (l faultyLog) Handle(context.Context, slog.Record) error {
	l.at("Handle")
	return nil
}

func (l faultyLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l faultyLog) WithGroup(string) slog.Handler      { return l }

// faultyTraces stand for an SDK with a span processor.
type faultyTraces struct {
	tracenoop.TracerProvider
	*faults
}

type faultyTracer struct {
	tracenoop.Tracer
	*faults
}

type faultySpan struct {
	tracenoop.Span
	*faults
}

func (s faultyTraces) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return faultyTracer{faults: s.faults}
}

func (s faultyTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s.at("OnStart")
	span := faultySpan{faults: s.faults}
	return trace.ContextWithSpan(ctx, span), span
}

func (s faultySpan) IsRecording() bool                    { return true }
func (s faultySpan) End(...trace.SpanEndOption)           { s.at("OnEnd") }
func (s faultySpan) TracerProvider() trace.TracerProvider { return faultyTraces{faults: s.faults} }

func (faultySpan) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{1}, TraceFlags: trace.FlagsSampled})
}

type faultyQueue struct {
	*memory.Queue
	*faults
}

func (q faultyQueue) Open(ctx context.Context) error {
	q.at("Open")
	return q.Queue.Open(ctx)
}

func (q faultyQueue) Close(ctx context.Context) error {
	q.at("Close")
	return q.Queue.Close(ctx)
}

func (q faultyQueue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	q.at("Fetch")
	return q.Queue.FetchTransactions(ctx, limit)
}

func (q faultyQueue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	q.at("Settle")
	return q.Queue.SettleTransactions(ctx, batch)
}

func (q faultyQueue) CountTransactions(ctx context.Context) (int64, error) {
	q.at("Count")
	return q.Queue.CountTransactions(ctx)
}

func (faultyQueue) LeaseDuration() time.Duration { return 30 * time.Second }

func (q faultyQueue) ExtendLeases(context.Context, []ergon.Transaction) error {
	q.at("Extend")
	return nil
}

type faultySink struct {
	*faults

	place string
}

func (s faultySink) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.at(s.place)
	if len(batch)%2 == 0 {
		return &ergon.BatchError{Failures: map[int]error{0: &faultyError{s.faults}}}
	}
	return nil
}

func (s faultySink) Close(context.Context) error {
	s.at("Close")
	return nil
}

// task is one of those that there are: consuming, both, or producing.
func (w *faults) task(kind int, d *ergon.Dependencies) ergon.Task {
	w.at("New")
	out := ergon.UseConnector[ergon.Dispatcher](d, "out")
	fails := func(tx ergon.Transaction, place string) error {
		w.at(place)
		if n, _ := strconv.Atoi(tx.ID()); n%2 == 0 {
			return &faultyError{w}
		}
		return nil
	}
	prepare := func(ctx context.Context, tx ergon.Transaction) error {
		return errors.Join(fails(tx, "Prepare"), out.DispatchTransactions(ctx, []ergon.Transaction{tx}))
	}
	exit := func(context.Context) error {
		w.at("Exit")
		return nil
	}
	if kind == 2 {
		return ergon.Task{Prepare: prepare, Exit: exit, Transactions: func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				for i := range 4 {
					w.at("Iterate")
					if !yield(ergon.NewTransaction(strconv.Itoa(i), &faultyPayload{w.at}), nil) {
						return
					}
				}
			}
		}}
	}
	t := ergon.Task{
		Exit: exit,
		Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if err := fails(tx, "Process"); err != nil {
				return nil, err
			}
			return []ergon.Transaction{tx}, out.DispatchTransactions(context.WithoutCancel(ctx), []ergon.Transaction{tx})
		},
		Success: func(_ context.Context, tx ergon.Transaction, _ any) error { return fails(tx, "Success") },
		Exception: func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
			cause.Err = nil
			return ergon.Disposition{}, fails(tx, "Exception")
		},
	}
	if kind == 1 {
		t.Prepare = prepare
	}
	return t
}

// config has all that hangs be given up soon.
func (w *faults) config(random *rand.Rand) ergon.TaskConfig {
	kind := random.IntN(3)
	cfg := ergon.NewTaskConfig("storm", func(d *ergon.Dependencies) ergon.Task { return w.task(kind, d) })
	var txs []ergon.Transaction
	for i := range 6 {
		txs = append(txs, ergon.NewTransaction(strconv.Itoa(i), &faultyPayload{w.at}))
	}
	cfg.Connectors["input"] = given(faultyQueue{memory.New(memory.Settings{Transactions: txs, Finite: random.IntN(2) == 0}), w})
	cfg.Connectors["out"], cfg.Connectors["dead_letters"] = given(faultySink{w, "Dispatch"}), given(faultySink{w, "Bury"})
	second := policy.Retry{MaxAttempts: 2, Timeout: time.Second, BackoffMultiplier: 1}
	for _, r := range []*policy.Retry{
		&cfg.Consumer.Fetch.Retry, &cfg.Consumer.Process.Retry, &cfg.Consumer.Success.Retry, &cfg.Consumer.Exception.Retry,
		&cfg.Consumer.Settle.Retry, &cfg.Producer.Prepare.Retry, &cfg.Producer.Success.Retry, &cfg.Producer.Exception.Retry,
	} {
		*r = second
	}
	cfg.Consumer.Loop.Streaming = random.IntN(2) == 0
	cfg.Consumer.Loop.Concurrency.Value, cfg.Consumer.Loop.Concurrency.Headroom = 1+random.IntN(4), 20
	cfg.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
	return cfg
}

// [F1] [F4] [T4] A storm of foreign code: whatever panics, hangs or lags, and however much of it at once, the process lives, the
// run ends within the bound of its shutdown, and no goroutine is left once all has returned.
func TestStorm(t *testing.T) {
	runs, seed := faultRuns, uint64(1)
	if text := os.Getenv("STORM"); text != "" {
		runs, _ = strconv.Atoi(text)
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("%d runs from seed %d", runs, seed)
	for i := range runs {
		synctest.Test(t, func(t *testing.T) { faultRun(t, seed+uint64(i)) })
		if t.Failed() {
			return
		}
	}
}

// faultRunLimit is how long a shutdown may take: its steps, what is abandoned after that, flushing, and a tenth of a second for
// each call at the end.
const faultRunLimit = (4+2+5)*time.Second + time.Second

func faultRun(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	w := newFaults(random)
	s := runner.Settings{
		Logger: slog.New(faultyLog{w}), Recorder: observe.NewRecorder(random.IntN(2) == 0),
		Flush: func(context.Context) error {
			w.at("Flush")
			return nil
		},
	}
	if random.IntN(2) == 0 {
		s.TracerProvider = faultyTraces{faults: w}
	}
	cfg := w.config(random)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = runner.RunTask(ctx, cfg, s)
	}()
	time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
	cancel(errStop)
	select {
	case <-done:
	case <-time.After(faultRunLimit):
		t.Errorf("seed %d: the run has not ended %s after its shutdown began:%s", seed, faultRunLimit, w)
	}
	close(w.release)
	<-done
	time.Sleep(time.Hour)
}
