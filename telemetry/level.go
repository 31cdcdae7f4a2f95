package telemetry

import (
	"context"
	"log/slog"
	"math"
	"strings"

	"github.com/ergon-go/ergon/internal/spans"
)

// componentKey is the attribute by which a logger says whose it is.
const componentKey = "component"

// lowest lets everything through.
const lowest = slog.Level(math.MinInt)

func (l Level) slog() slog.Level {
	return map[Level]slog.Level{LevelDebug: slog.LevelDebug, LevelWarn: slog.LevelWarn, LevelError: slog.LevelError}[l]
}

// levelHandler lets through what is important enough for its component.
type levelHandler struct {
	slog.Handler

	level     slog.Level
	levels    map[string]slog.Level
	component string // "" where the logger does not say; then it is the task
}

var _ slog.Handler = (*levelHandler)(nil)

func newLevelHandler(next slog.Handler, l Logs) *levelHandler {
	h := &levelHandler{Handler: next, level: l.Level.slog(), levels: map[string]slog.Level{}}
	for component, level := range l.Levels {
		h.levels[component] = level.slog()
	}
	return h
}

// Enabled compares with the level of the component.
func (h *levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.least(ctx)
}

func (h *levelHandler) least(ctx context.Context) slog.Level {
	if len(h.levels) == 0 {
		return h.level
	}
	name := h.component
	if name == "" {
		scope, _ := spans.ScopeFrom(ctx)
		name = scope.Task
	}
	for name != "" {
		if level, ok := h.levels[name]; ok {
			return level
		}
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return h.level
}

// WithAttrs looks for the component among attrs.
func (h *levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	changed := *h
	changed.Handler = h.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == componentKey && a.Value.Kind() == slog.KindString {
			changed.component = a.Value.String()
		}
	}
	return &changed
}

// WithGroup keeps the component.
func (h *levelHandler) WithGroup(name string) slog.Handler {
	changed := *h
	changed.Handler = h.Handler.WithGroup(name)
	return &changed
}

// withoutTrace takes off the ids of trace and span, which an exported record has in fields of its own.
type withoutTrace struct{ slog.Handler }

var _ slog.Handler = (*withoutTrace)(nil)

// Handle passes the record on without its trace id and span id.
func (h *withoutTrace) Handle(ctx context.Context, record slog.Record) error {
	bare := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if a.Key != spans.LogTraceID && a.Key != spans.LogSpanID {
			bare.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, bare)
}

// WithAttrs wraps what the handler returns.
func (h *withoutTrace) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &withoutTrace{h.Handler.WithAttrs(attrs)}
}

// WithGroup wraps what the handler returns.
func (h *withoutTrace) WithGroup(name string) slog.Handler {
	return &withoutTrace{h.Handler.WithGroup(name)}
}
