package ergon

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
)

// LogHandler returns a handler that adds the scope of the context to every record and passes the record to next. In a task it
// adds task, worker, transaction_id, phase and attempt. In a span it adds trace_id and span_id. These attributes stay at the top
// level, also in a logger with open groups. A worker's own logger has such a handler already, and adding another changes nothing.
func LogHandler(next slog.Handler) slog.Handler {
	if already, ok := next.(*scopeHandler); ok {
		return already
	}
	return &scopeHandler{next: next}
}

// scopeHandler opens no groups in next, because the ids could not be added outside of them. It nests the attributes of groups
// itself.
type scopeHandler struct {
	next   slog.Handler
	groups []logGroup // open groups, the outermost first
}

type logGroup struct {
	name  string
	attrs []slog.Attr
}

var _ slog.Handler = (*scopeHandler)(nil)

func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if len(h.groups) == 0 {
		return &scopeHandler{next: h.next.WithAttrs(attrs)}
	}
	changed := &scopeHandler{next: h.next, groups: slices.Clone(h.groups)}
	innermost := &changed.groups[len(changed.groups)-1]
	innermost.attrs = slices.Concat(innermost.attrs, attrs)
	return changed
}

func (h *scopeHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &scopeHandler{next: h.next, groups: append(slices.Clip(h.groups), logGroup{name: name})}
}

func (h *scopeHandler) Handle(ctx context.Context, record slog.Record) error {
	var buffer [7]slog.Attr
	ids := appendTrace(ctx, appendScope(ctx, buffer[:0]))
	switch {
	case len(h.groups) > 0:
		record = h.nested(record)
	case len(ids) > 0:
		record = record.Clone()
	}
	record.AddAttrs(ids...)
	return h.next.Handle(ctx, record)
}

// nested moves the attributes of record into the open groups.
func (h *scopeHandler) nested(record slog.Record) slog.Record {
	inner := make([]slog.Attr, 0, record.NumAttrs())
	record.Attrs(func(a slog.Attr) bool {
		inner = append(inner, a)
		return true
	})
	for _, group := range slices.Backward(h.groups) {
		inner = []slog.Attr{{Key: group.name, Value: slog.GroupValue(slices.Concat(group.attrs, inner)...)}}
	}
	outer := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	outer.AddAttrs(inner...)
	return outer
}

func appendScope(ctx context.Context, ids []slog.Attr) []slog.Attr {
	scope, ok := spans.ScopeFrom(ctx)
	if !ok {
		return ids
	}
	for _, id := range [...]slog.Attr{
		slog.String(spans.LogTask, scope.Task),
		slog.String(spans.LogWorker, scope.Worker),
		slog.String(spans.LogTransactionID, scope.TransactionID),
		slog.String(spans.LogPhase, scope.Phase),
	} {
		if id.Value.String() != "" {
			ids = append(ids, id)
		}
	}
	if scope.Attempt > 0 {
		ids = append(ids, slog.Int(spans.LogAttempt, scope.Attempt))
	}
	return ids
}

func appendTrace(ctx context.Context, ids []slog.Attr) []slog.Attr {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return ids
	}
	return append(ids, slog.String(spans.LogTraceID, span.TraceID().String()), slog.String(spans.LogSpanID, span.SpanID().String()))
}
