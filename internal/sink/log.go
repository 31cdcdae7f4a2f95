package sink

import (
	"context"
	"log/slog"
	"time"
)

const (
	// maxLines is how many log lines may wait.
	maxLines = 8192
	// answerWithin is how long a handler has to say what it wants.
	answerWithin = time.Second
)

// Log is a log handler that hands its lines to another by a queue. It is for lines whose values nobody changes any more.
type Log struct {
	next  slog.Handler
	debug bool // asked once
	lines *Queue[line]
}

var _ slog.Handler = (*Log)(nil)

type line struct {
	ctx    context.Context //nolint:containedctx // says where the line belongs to
	to     slog.Handler
	record slog.Record
}

// NewLog puts a queue in front of next; one that has a queue already is returned as it is.
func NewLog(next slog.Handler) *Log {
	if already, ok := next.(*Log); ok {
		return already
	}
	return &Log{next: next, debug: wantsDebug(next), lines: newLines()}
}

func newLines() *Queue[line] {
	var lines *Queue[line]
	lines = NewQueue(maxLines, func(l line) {
		if n := lines.Dropped(); n > 0 {
			dropped := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped, because nobody took them in time", 0)
			dropped.AddAttrs(slog.Int64("count", n))
			_ = l.to.Handle(context.Background(), dropped)
		}
		if l.to.Enabled(l.ctx, l.record.Level) {
			_ = l.to.Handle(l.ctx, l.record)
		}
	})
	return lines
}

// wantsDebug asks next within limits; no answer is none.
func wantsDebug(next slog.Handler) bool {
	answer := make(chan bool, 1)
	go func() {
		wants := false
		defer func() {
			_ = recover()
			answer <- wants
		}()
		wants = next.Enabled(context.Background(), slog.LevelDebug)
	}()
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case wants := <-answer:
		return wants
	case <-timer.C:
		return false
	}
}

// Enabled leaves it to the next handler, when that has its turn, but for what nobody wants mostly.
func (l *Log) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.debug
}

// Handle never waits and never fails.
func (l *Log) Handle(ctx context.Context, record slog.Record) error {
	l.lines.Put(line{ctx: ctx, to: l.next, record: record})
	return nil
}

// WithAttrs returns a handler with the same queue.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Log{next: l.next.WithAttrs(attrs), debug: l.debug, lines: l.lines}
}

// WithGroup returns a handler with the same queue.
func (l *Log) WithGroup(name string) slog.Handler {
	return &Log{next: l.next.WithGroup(name), debug: l.debug, lines: l.lines}
}

// Next is the handler behind the queue, for lines whose values somebody may change.
func (l *Log) Next() slog.Handler { return l.next }

// Flush waits for the lines so far, as [Queue.Flush] does.
func (l *Log) Flush(patience, most time.Duration, force <-chan struct{}) (left int) {
	return l.lines.Flush(patience, most, force)
}
