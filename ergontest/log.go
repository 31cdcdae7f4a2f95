package ergontest

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Log is one log line.
type Log struct {
	// At is the time of the record since the beginning of the run.
	At      time.Duration
	Level   slog.Level
	Message string
	// Attrs are by key. The key of an attribute in groups is the names of the groups and its key, with dots in between.
	Attrs map[string]any
}

// logbook keeps the log lines of a run, of all levels.
type logbook struct {
	begin time.Time

	mu    sync.Mutex
	lines []Log
}

func (b *logbook) all() []Log {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines)
}

// logHandler writes into a logbook.
type logHandler struct {
	book   *logbook
	prefix string
	attrs  map[string]any
}

var _ slog.Handler = (*logHandler)(nil)

func (h *logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *logHandler) Handle(_ context.Context, record slog.Record) error {
	line := Log{At: record.Time.Sub(h.book.begin), Level: record.Level, Message: record.Message, Attrs: map[string]any{}}
	maps.Copy(line.Attrs, h.attrs)
	for attr := range record.Attrs {
		flatten(line.Attrs, h.prefix, attr)
	}
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	h.book.lines = append(h.book.lines, line)
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := &logHandler{book: h.book, prefix: h.prefix, attrs: map[string]any{}}
	maps.Copy(with.attrs, h.attrs)
	for _, attr := range attrs {
		flatten(with.attrs, h.prefix, attr)
	}
	return with
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{book: h.book, prefix: h.prefix + name + ".", attrs: h.attrs}
}

func flatten(into map[string]any, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		into[prefix+attr.Key] = value.Any()
		return
	}
	if attr.Key != "" {
		prefix += attr.Key + "."
	}
	for _, inner := range value.Group() {
		flatten(into, prefix, inner)
	}
}
