package ergon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

var (
	scope = spans.Scope{Task: "triage", Worker: "triage-1", TransactionID: "t-7", Phase: "process", Attempt: 2}
	ids   = map[string]any{
		"task": "triage", "worker": "triage-1", "transaction_id": "t-7", "phase": "process", "attempt": 2.0,
		"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "1112131415161718",
	}
)

func inScope(ctx context.Context, scope spans.Scope) context.Context {
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		SpanID:  trace.SpanID{17, 18, 19, 20, 21, 22, 23, 24},
	})
	return spans.WithScope(trace.ContextWithSpanContext(ctx, span), scope)
}

// logged returns what a logger made by build writes as one JSON record, without time and level.
func logged(ctx context.Context, t *testing.T, build func(*slog.Logger) *slog.Logger, args ...any) map[string]any {
	t.Helper()
	var out bytes.Buffer
	build(slog.New(ergon.LogHandler(slog.NewJSONHandler(&out, nil)))).InfoContext(ctx, "hello", args...)
	record := map[string]any{}
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatalf("log line %q: %v", out.String(), err)
	}
	delete(record, "time")
	delete(record, "level")
	return record
}

func with(base, more map[string]any) map[string]any {
	all := map[string]any{"msg": "hello"}
	maps.Copy(all, base)
	maps.Copy(all, more)
	return all
}

// [O3]
func TestRecordsCarryTheIDsOfTheirContextAtTheTopLevel(t *testing.T) {
	for name, c := range map[string]struct {
		build func(*slog.Logger) *slog.Logger
		want  map[string]any
	}{
		"plain": {
			func(l *slog.Logger) *slog.Logger { return l },
			map[string]any{"code": "M"},
		},
		"with attributes": {
			func(l *slog.Logger) *slog.Logger { return l.With("a", "1").With() },
			map[string]any{"a": "1", "code": "M"},
		},
		"in a group": {
			func(l *slog.Logger) *slog.Logger { return l.WithGroup("g") },
			map[string]any{"g": map[string]any{"code": "M"}},
		},
		"in a group without a name": {
			func(l *slog.Logger) *slog.Logger { return l.WithGroup("") },
			map[string]any{"code": "M"},
		},
		"groups and attributes in turn": {
			func(l *slog.Logger) *slog.Logger {
				return l.With("a", "1").WithGroup("g").With("b", "2").WithGroup("h").With("c", "3").With("d", "4")
			},
			map[string]any{"a": "1", "g": map[string]any{"b": "2", "h": map[string]any{"c": "3", "d": "4", "code": "M"}}},
		},
		"wrapped twice": {
			func(l *slog.Logger) *slog.Logger { return slog.New(ergon.LogHandler(l.WithGroup("g").Handler())) },
			map[string]any{"g": map[string]any{"code": "M"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(with(ids, c.want), logged(inScope(t.Context(), scope), t, c.build, "code", "M")); diff != "" {
				t.Errorf("record in a scope (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(with(nil, c.want), logged(t.Context(), t, c.build, "code", "M")); diff != "" {
				t.Errorf("record outside of one (-want +got):\n%s", diff)
			}
		})
	}
}

// [O3]
func TestRecordsCarryOnlyTheIDsThatThereAre(t *testing.T) {
	plain := func(l *slog.Logger) *slog.Logger { return l }
	worker := spans.WithScope(t.Context(), spans.Scope{Task: "triage", Worker: "triage-1"})
	want := with(map[string]any{"task": "triage", "worker": "triage-1"}, nil)
	if diff := cmp.Diff(want, logged(worker, t, plain)); diff != "" {
		t.Errorf("record of a worker (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(with(nil, nil), logged(spans.WithScope(t.Context(), spans.Scope{}), t, plain)); diff != "" {
		t.Errorf("record of an empty scope (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(with(nil, nil), logged(t.Context(), t, plain)); diff != "" {
		t.Errorf("record of no scope (-want +got):\n%s", diff)
	}
}

func TestLoggersMadeFromOneAreIndependent(t *testing.T) {
	both := func(l *slog.Logger) (left, right *slog.Logger) {
		parent := l.WithGroup("f").WithGroup("g").With("a", "1").WithGroup("h")
		left, right = parent.With("left", "2").WithGroup("i"), parent.WithGroup("j")
		_ = parent.WithGroup("k")
		return left, right.With("right", "3")
	}
	inside := func(h map[string]any) map[string]any {
		return with(nil, map[string]any{"f": map[string]any{"g": map[string]any{"a": "1", "h": h}}})
	}
	left := logged(t.Context(), t, func(l *slog.Logger) *slog.Logger { made, _ := both(l); return made }, "n", 1)
	if diff := cmp.Diff(inside(map[string]any{"left": "2", "i": map[string]any{"n": 1.0}}), left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	right := logged(t.Context(), t, func(l *slog.Logger) *slog.Logger { _, made := both(l); return made }, "n", 1)
	if diff := cmp.Diff(inside(map[string]any{"j": map[string]any{"right": "3", "n": 1.0}}), right); diff != "" {
		t.Errorf("right (-want +got):\n%s", diff)
	}
}

// A logger that hands each record to several handlers hands all of them the same one.
func TestRecordThatOthersHandleAsWellIsNotChanged(t *testing.T) {
	var out bytes.Buffer
	handler := ergon.LogHandler(slog.NewJSONHandler(&out, nil))
	record := slog.Record{Message: "hello"}
	for i := range 20 { // more than fit into the record itself, one by one, so that room is abandoned them
		record.AddAttrs(slog.Int(fmt.Sprint(i), i))
	}
	for _, task := range []string{"triage", "billing"} {
		if err := handler.Handle(spans.WithScope(t.Context(), spans.Scope{Task: task}), record); err != nil {
			t.Fatal(err)
		}
	}
	for line := range bytes.Lines(out.Bytes()) {
		if bytes.Contains(line, []byte("!BUG")) || bytes.Count(line, []byte(`"task"`)) != 1 {
			t.Errorf("got %s", line)
		}
	}
	if got := record.NumAttrs(); got != 20 {
		t.Errorf("record has %d attributes, want its own 20", got)
	}
}

func TestLogHandlerHonoursTheLevelOfTheNext(t *testing.T) {
	handler := ergon.LogHandler(slog.NewJSONHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if handler.Enabled(t.Context(), slog.LevelInfo) || !handler.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("want info off and warn on, as the next handler says")
	}
}

func TestLogHandlerKeepsTheRulesOfSlog(t *testing.T) {
	var out bytes.Buffer
	err := slogtest.TestHandler(ergon.LogHandler(slog.NewJSONHandler(&out, nil)), func() []map[string]any {
		var records []map[string]any
		for line := range bytes.Lines(out.Bytes()) {
			record := map[string]any{}
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatalf("log line %q: %v", line, err)
			}
			records = append(records, record)
		}
		return records
	})
	if err != nil {
		t.Error(err)
	}
}

type lazyScope struct {
	context.Context
	asked int
}

func (l *lazyScope) Value(key any) any {
	if key == spans.ScopeKey {
		l.asked++
		return &spans.Scope{Task: "triage"}
	}
	return l.Context.Value(key)
}

func TestContextOfAnotherTypeIsAskedForItsScopeWhenARecordIsWritten(t *testing.T) {
	ctx := &lazyScope{Context: t.Context()}
	logger := slog.New(ergon.LogHandler(slog.NewJSONHandler(&bytes.Buffer{}, nil)))
	logger.DebugContext(ctx, "not written")
	if ctx.asked != 0 {
		t.Errorf("asked %d times for a record that is not written", ctx.asked)
	}
	logger.InfoContext(ctx, "written")
	if ctx.asked != 1 {
		t.Errorf("asked %d times for one record, want once", ctx.asked)
	}
}
