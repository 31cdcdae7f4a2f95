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

// stormRuns is how many runs a storm has among the tests; STORM is how many it has otherwise, SEED the first of them.
const stormRuns = 300

// weather is what goes wrong in one run: in each method of code that is not ours, from which call on.
type weather struct {
	release chan struct{} // closed when what hangs goes on

	mu    sync.Mutex
	goes  map[string]string // wrong, by method: panics, hangs or lags
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

func newWeather(random *rand.Rand) *weather {
	w := &weather{release: make(chan struct{}), goes: map[string]string{}, from: map[string]int{}, calls: map[string]int{}}
	bad := slices.Clone(places)
	random.Shuffle(len(bad), func(i, j int) { bad[i], bad[j] = bad[j], bad[i] })
	if n := random.IntN(8); n > 0 { // otherwise all of them
		bad = bad[:n]
	}
	for _, place := range bad {
		w.goes[place] = []string{"panics", "hangs", "lags"}[random.IntN(3)]
		w.from[place] = 1 + random.IntN(3)
	}
	return w
}

// at is called by each of the methods.
func (w *weather) at(place string) {
	w.mu.Lock()
	w.calls[place]++
	does := w.goes[place]
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

func (w *weather) String() string {
	text := ""
	for _, place := range slices.Sorted(maps.Keys(w.goes)) {
		text += fmt.Sprintf(" %s %s from call %d;", place, w.goes[place], w.from[place])
	}
	return text
}

type stormError struct{ *weather }

func (e *stormError) Error() string {
	e.at("Error")
	return "storm"
}

func (e *stormError) Is(error) bool {
	e.at("Is")
	return false
}

func (e *stormError) As(any) bool {
	e.at("As")
	return false
}

func (e *stormError) Unwrap() error {
	e.at("Unwrap")
	return nil
}

func (e *stormError) LogValue() slog.Value {
	e.at("LogValue")
	return slog.StringValue("storm")
}

func (e *stormError) IsPermanent() bool {
	e.at("IsPermanent")
	return false
}

// stormPayload reaches the weather by a function, behind which nobody looks: a dead letter describes what a payload holds.
type stormPayload struct{ at func(string) }

func (p *stormPayload) Clone() *stormPayload {
	p.at("Clone")
	return p
}

func (p *stormPayload) MarshalJSON() ([]byte, error) {
	p.at("MarshalJSON")
	return []byte(`{}`), nil
}

type stormLog struct{ *weather }

func (l stormLog) Enabled(context.Context, slog.Level) bool {
	l.at("Enabled")
	return true
}

func (l stormLog) Handle(context.Context, slog.Record) error {
	l.at("Handle")
	return nil
}

func (l stormLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l stormLog) WithGroup(string) slog.Handler      { return l }

// stormTraces stand for an SDK with a span processor.
type stormTraces struct {
	tracenoop.TracerProvider
	*weather
}

type stormTracer struct {
	tracenoop.Tracer
	*weather
}

type stormSpan struct {
	tracenoop.Span
	*weather
}

func (s stormTraces) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return stormTracer{weather: s.weather}
}

func (s stormTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s.at("OnStart")
	span := stormSpan{weather: s.weather}
	return trace.ContextWithSpan(ctx, span), span
}

func (s stormSpan) IsRecording() bool                    { return true }
func (s stormSpan) End(...trace.SpanEndOption)           { s.at("OnEnd") }
func (s stormSpan) TracerProvider() trace.TracerProvider { return stormTraces{weather: s.weather} }

func (stormSpan) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{1}, TraceFlags: trace.FlagsSampled})
}

type stormQueue struct {
	*memory.Queue
	*weather
}

func (q stormQueue) Open(ctx context.Context) error {
	q.at("Open")
	return q.Queue.Open(ctx)
}

func (q stormQueue) Close(ctx context.Context) error {
	q.at("Close")
	return q.Queue.Close(ctx)
}

func (q stormQueue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	q.at("Fetch")
	return q.Queue.FetchTransactions(ctx, limit)
}

func (q stormQueue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	q.at("Settle")
	return q.Queue.SettleTransactions(ctx, batch)
}

func (q stormQueue) CountTransactions(ctx context.Context) (int64, error) {
	q.at("Count")
	return q.Queue.CountTransactions(ctx)
}

func (stormQueue) LeaseDuration() time.Duration { return 30 * time.Second }

func (q stormQueue) ExtendLeases(context.Context, []ergon.Transaction) error {
	q.at("Extend")
	return nil
}

type stormSink struct {
	*weather

	place string
}

func (s stormSink) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.at(s.place)
	if len(batch)%2 == 0 {
		return &ergon.BatchError{Failures: map[int]error{0: &stormError{s.weather}}}
	}
	return nil
}

func (s stormSink) Close(context.Context) error {
	s.at("Close")
	return nil
}

// task is one of those that there are: consuming, both, or producing.
func (w *weather) task(kind int, d *ergon.Dependencies) ergon.Task {
	w.at("New")
	out := ergon.UseConnector[ergon.Dispatcher](d, "out")
	fails := func(tx ergon.Transaction, place string) error {
		w.at(place)
		if n, _ := strconv.Atoi(tx.ID()); n%2 == 0 {
			return &stormError{w}
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
					if !yield(ergon.NewTransaction(strconv.Itoa(i), &stormPayload{w.at}), nil) {
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
func (w *weather) config(random *rand.Rand) ergon.TaskConfig {
	kind := random.IntN(3)
	cfg := ergon.NewTaskConfig("storm", func(d *ergon.Dependencies) ergon.Task { return w.task(kind, d) })
	var txs []ergon.Transaction
	for i := range 6 {
		txs = append(txs, ergon.NewTransaction(strconv.Itoa(i), &stormPayload{w.at}))
	}
	cfg.Connectors["input"] = given(stormQueue{memory.New(memory.Settings{Transactions: txs, Finite: random.IntN(2) == 0}), w})
	cfg.Connectors["out"], cfg.Connectors["dead_letters"] = given(stormSink{w, "Dispatch"}), given(stormSink{w, "Bury"})
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
	runs, seed := stormRuns, uint64(1)
	if text := os.Getenv("STORM"); text != "" {
		runs, _ = strconv.Atoi(text)
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("%d runs from seed %d", runs, seed)
	for i := range runs {
		synctest.Test(t, func(t *testing.T) { storm(t, seed+uint64(i)) })
		if t.Failed() {
			return
		}
	}
}

// stormBound is how long a shutdown may take: its ladder, what is left behind after that, flushing, and a tenth of a second for
// each call at the end.
const stormBound = (4+2+5)*time.Second + time.Second

func storm(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWeather(random)
	s := runner.Settings{
		Logger: slog.New(stormLog{w}), Recorder: observe.NewRecorder(random.IntN(2) == 0),
		Flush: func(context.Context) error {
			w.at("Flush")
			return nil
		},
	}
	if random.IntN(2) == 0 {
		s.TracerProvider = stormTraces{weather: w}
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
	case <-time.After(stormBound):
		t.Errorf("seed %d: the run has not ended %s after its shutdown began:%s", seed, stormBound, w)
	}
	close(w.release)
	<-done
	time.Sleep(time.Hour)
}
