package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/policy"
)

const (
	// leastClosing is the least time that there is for the last settlements, and again for closing.
	leastClosing = time.Second
	// forcedClosing is what is left of it after the second signal.
	forcedClosing = time.Second
	// lastMoment is how long something has to return whose time to close is over. Each is called, and has at least that.
	lastMoment = 100 * time.Millisecond
	// leftAfter is what everything that hangs has beyond its time, until it is left behind.
	leftAfter = 2 * time.Second
	// leastFlushing is what is left for flushing in any case.
	leastFlushing = time.Second
	// flushTimeout bounds the flushing of telemetry, after everything else.
	flushTimeout = 5 * time.Second
)

var (
	errClosingTime = errors.New("the time to shut down is over")
	errForced      = errors.New("shutdown was forced")
)

// shutdown knows since when a run is to end, and whether that is forced.
type shutdown struct {
	began  atomic.Pointer[time.Time]
	forced context.Context //nolint:containedctx // a signal, not a scope
	end    func()

	once sync.Once
	log  *sink.Log // what the run itself has to say; nil before the first worker
}

// watchShutdown watches ctx, whose end begins a shutdown, and force, which cuts it short. The caller calls end.
func watchShutdown(ctx context.Context, force <-chan struct{}) *shutdown {
	forced, cancel := context.WithCancelCause(context.Background())
	s := &shutdown{forced: forced}
	forget := context.AfterFunc(ctx, func() {
		now := time.Now()
		s.began.Store(&now)
	})
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-force:
			cancel(errForced)
		case <-done:
		}
	})
	s.end = func() {
		forget()
		close(done)
		watcher.Wait()
		s.flushLog(lastMoment, leastFlushing, nil)
		cancel(nil)
	}
	return s
}

// logTo returns the log of the run, the same for all workers.
func (s *shutdown) logTo(handler slog.Handler) *sink.Log {
	s.once.Do(func() { s.log = sink.NewLog(handler) })
	return s.log
}

// flushLog waits for what was said, as long as the handler gets on.
func (s *shutdown) flushLog(patience, most time.Duration, force <-chan struct{}) {
	if s.log != nil {
		s.log.Flush(patience, most, force)
	}
}

// budget is how long a shutdown takes at most, flushing not included: what runs has Grace to end and then Force to heed
// its cancellation; as long as Force again is for the last settlements, and once more to close.
func budget(p policy.Shutdown) time.Duration {
	return p.Grace + p.Force + 2*max(p.Force, leastClosing)
}

// overdue returns what is closed when everything should have ended, which is a moment after the longest budget, or a shorter one
// after the shutdown was forced; never while ctx has not ended, or once ended is closed.
func (s *shutdown) overdue(ctx context.Context, tasks []*taskRun, ended <-chan struct{}) <-chan struct{} {
	var whole, forced time.Duration
	for _, t := range tasks {
		if t.alone != nil { // whose processes are killed in time
			return nil
		}
		whole = max(whole, budget(t.cfg.Shutdown))
		forced = max(forced, t.cfg.Shutdown.Force)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		timer := time.NewTimer(whole + leftAfter)
		defer timer.Stop()
		select {
		case <-ended:
			return
		case <-timer.C:
			return
		case <-s.forced.Done():
		}
		timer.Reset(max(forced, leastClosing) + forcedClosing + leftAfter)
		select {
		case <-ended:
		case <-timer.C:
		}
	}()
	return over
}

// ShutdownBound is how long a run takes at most to end, whatever hangs, from the moment at which it is to: the one number that a
// platform has to wait before it kills. 45 s with the defaults.
func ShutdownBound(p policy.Shutdown) time.Duration { return budget(p) + flushTimeout }

// flushTime is how long flushing may take after tasks: where worker processes had to be waited for, what their flushing left
// of it.
func (s *shutdown) flushTime(tasks []ergon.TaskConfig) time.Duration {
	began := s.began.Load()
	if began == nil {
		return flushTimeout
	}
	var longest time.Duration
	for _, t := range tasks {
		longest = max(longest, budget(t.Shutdown))
	}
	return max(min(flushTimeout, time.Until(began.Add(longest+flushTimeout))), leastFlushing)
}

// closing returns the context in which everything is closed. It has the rest of the shutdown's budget; where none has
// begun, this is its beginning.
func (s *shutdown) closing(ctx context.Context, p policy.Shutdown) (context.Context, context.CancelFunc) {
	began := time.Now()
	if b := s.began.Load(); b != nil {
		began = *b
	}
	return s.bounded(ctx, began.Add(budget(p)))
}

// bounded returns a context that outlives ctx, ends at the deadline and soon after the shutdown was forced.
func (s *shutdown) bounded(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, end := context.WithDeadlineCause(context.WithoutCancel(ctx), deadline, errClosingTime)
	ctx, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(s.forced, func() {
		timer := time.NewTimer(forcedClosing)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(errForced)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		forget()
		cancel(nil)
		end()
	}
}

// goodbye calls one thing after the other, each within a fair share of what is left of the time, so that one that hangs
// leaves time for the others.
type goodbye struct {
	ctx  context.Context //nolint:containedctx // lives as long as the function that made it
	left int             // calls still to come
	errs []error
}

// say calls fn and reports whether it succeeded; what is what it does, for its error.
func (g *goodbye) say(what string, fn func(context.Context) error) bool {
	deadline, _ := g.ctx.Deadline()
	ctx, cancel := context.WithTimeoutCause(g.ctx, time.Until(deadline)/time.Duration(max(g.left, 1)), errClosingTime)
	defer cancel()
	g.left--
	err := call(ctx, lastMoment, fn, nil)
	if err != nil {
		g.errs = append(g.errs, fmt.Errorf("%s: %w", what, err))
	}
	return err == nil
}
