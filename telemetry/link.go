package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

const (
	// reportEvery is the minimum time between two reports of failure, so that what fails now and then does not fill the log.
	reportEvery = time.Minute
	// impatience is how long the last delivery may take where the one before failed.
	impatience = time.Second
)

var (
	errCut      = errors.New("the time to flush telemetry is over")
	errNoAnswer = errors.New("nobody answers there")
)

// link is the way of one signal to one exporter. It counts what goes in and what comes out, reports when that stops and
// when it works again, and keeps failures from the SDK, which would report every one of them to a global handler.
type link struct {
	signal, to string
	room       int64         // how many may be on the way without any being lost; 0: nothing is counted
	timeout    time.Duration // bounds one delivery; 0: ctx does
	logger     *slog.Logger
	cut        context.Context //nolint:containedctx // a signal: deliveries are ended
	end        context.CancelCauseFunc
	// unreachable, where set, tells that nobody answers, of a link that has delivered nothing yet.
	unreachable func() bool

	mu        sync.Mutex
	taken     int64 // what the signal has made
	delivered int64
	failed    int64
	failing   error
	crowded   bool
	reported  time.Time
	told      bool // a failure was reported, and its end was not
}

func newLink(signal, to string, room int, logger *slog.Logger) *link {
	cut, end := context.WithCancelCause(context.Background())
	return &link{signal: signal, to: to, room: int64(room), logger: logger, cut: cut, end: end}
}

// take counts one that is to be delivered.
func (l *link) take() {
	l.mu.Lock()
	l.taken++
	l.mu.Unlock()
}

// deliver sends n at once, until ctx or the link ends. It keeps the error.
func (l *link) deliver(ctx context.Context, n int, send func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	forget := context.AfterFunc(l.cut, func() { cancel(errCut) })
	defer forget()
	if l.timeout > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, l.timeout, fmt.Errorf("not delivered within otlp.timeout, %s", l.timeout))
		defer end()
	}
	err := l.cut.Err()
	if err == nil {
		err = send(ctx)
	}
	if l.cut.Err() != nil && err != nil {
		err = context.Cause(l.cut)
	}
	l.note(ctx, n, err)
}

// note counts and reports. The log is not ours, so nothing is written to it while others wait for the lock.
func (l *link) note(ctx context.Context, n int, err error) {
	for _, say := range l.count(n, err) {
		say(ctx)
	}
}

// count returns what is to be said.
func (l *link) count(n int, err error) (say []func(context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.failing
	l.failing = err
	if errors.Is(err, errCut) && was != nil {
		l.failing = was // why there was no more time
	}
	if err == nil {
		l.delivered += int64(n)
	} else {
		l.failed += int64(n)
	}
	lost := l.failed
	switch {
	case err != nil && was == nil && !errors.Is(err, errCut) && l.mayReport():
		say = append(say, func(ctx context.Context) {
			l.logger.WarnContext(ctx, "telemetry is not delivered; reported once, until it is again",
				"signal", l.signal, "to", l.to, "error", err)
		})
	case err == nil && was != nil && l.told:
		l.told = false
		say = append(say, func(ctx context.Context) {
			l.logger.InfoContext(ctx, "telemetry is delivered again", "signal", l.signal, "to", l.to, "lost", lost)
		})
	}
	if !l.crowded && l.room > 0 && l.taken-l.delivered-l.failed > l.room {
		l.crowded = true
		say = append(say, func(ctx context.Context) {
			l.logger.WarnContext(ctx, "telemetry is made faster than it is delivered, so some is dropped; sample, or raise batch.queue",
				"signal", l.signal, "to", l.to)
		})
	}
	return say
}

var _ otel.ErrorHandler = (*link)(nil)

// Handle reports an error of the SDK that has no further details.
func (l *link) Handle(err error) {
	l.mu.Lock()
	may := l.mayReport()
	l.mu.Unlock()
	if may {
		l.logger.Warn("telemetry has an error; reported once a minute at most", "error", err)
	}
}

// mayReport notes that it is reported. The lock is held.
func (l *link) mayReport() bool {
	if !l.reported.IsZero() && time.Since(l.reported) < reportEvery {
		return false
	}
	l.reported, l.told = time.Now(), true
	return true
}

// hopeless tells whether waiting for the last delivery is of no use.
func (l *link) hopeless() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failing != nil || l.unanswered()
}

func (l *link) unanswered() bool { return l.delivered == 0 && l.unreachable != nil && l.unreachable() }

// close ends deliveries.
func (l *link) close() { l.end(errCut) }

// loss is what was lost, as an error.
func (l *link) loss() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost, why := max(l.failed, l.taken-l.delivered), l.failing
	if (why == nil || errors.Is(why, errCut)) && l.unanswered() {
		why = errNoAnswer
	}
	switch {
	case l.room > 0 && lost > 0 && why != nil:
		return fmt.Errorf("%s to %s: %d of %d were lost: %w", l.signal, l.to, lost, l.taken, why)
	case l.room > 0 && lost > 0:
		return fmt.Errorf("%s to %s: %d of %d were lost", l.signal, l.to, lost, l.taken)
	case l.room == 0 && l.failing != nil:
		return fmt.Errorf("%s to %s: %w", l.signal, l.to, why)
	}
	return nil
}
