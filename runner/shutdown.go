package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/policy"
)

const (
	// minCloseTime is the minimum for the last settlements, and again for closing.
	minCloseTime = time.Second
	// forcedCloseTime is how long closing may take after the shutdown was forced.
	forcedCloseTime = time.Second
	// returnTime is how long a call has to return after its context has ended. So each call that closes something has at least
	// this time.
	returnTime = 100 * time.Millisecond
	// abandonTime is how long after the budget of a shutdown the run stops waiting for workers that hang.
	abandonTime = 2 * time.Second
	// minFlushTime is the minimum for flushing.
	minFlushTime = time.Second
	// flushTimeout bounds the flushing of telemetry, after everything else.
	flushTimeout = 5 * time.Second
)

var (
	errClosingTime = errors.New("the time to shut down is over")
	errForced      = errors.New("shutdown was forced")
)

// shutdown knows when the shutdown of a run began, and whether it was forced. It owns the log of the run, which is flushed at
// the end.
type shutdown struct {
	began  atomic.Pointer[time.Time] // nil: not yet
	forced context.Context           //nolint:containedctx // a signal, not a scope
	end    func()                    // stops watching and flushes the log

	once sync.Once
	log  *sink.Log // nil before the first worker
}

// watchShutdown watches ctx, whose end begins a shutdown, and force, which shortens it. The caller calls end.
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
		s.flushLog(returnTime, minFlushTime, nil)
		cancel(nil)
	}
	return s
}

// logger returns a logger to the log of the run, the same for all workers. It never waits for the handler of s.
func (s *shutdown) logger(of Settings) *slog.Logger {
	s.once.Do(func() { s.log = sink.NewLog(of.logger().Handler()) })
	return slog.New(s.log)
}

// flushLog waits until all log lines are written: for limit at most, and no longer than patience for one line.
func (s *shutdown) flushLog(patience, limit time.Duration, force <-chan struct{}) {
	if s.log != nil {
		s.log.Flush(patience, limit, force)
	}
}

// shutdownBudget is the maximum duration of a shutdown without flushing. Handlers have Grace to end and then Force to return
// after their cancellation. The last settlements have as long as Force, and so has closing.
func shutdownBudget(p policy.Shutdown) time.Duration {
	return p.Grace + p.Force + 2*max(p.Force, minCloseTime)
}

// overdue returns a channel that is closed abandonTime after the longest budget of tasks is over, or after the shorter one of a
// forced shutdown. It is not closed before ctx has ended. Its goroutine ends with ended. nil: the workers are processes, which
// their supervisors kill in time.
func (s *shutdown) overdue(ctx context.Context, tasks []*taskRun, ended <-chan struct{}) <-chan struct{} {
	var whole, forced time.Duration
	for _, t := range tasks {
		if t.isolated() {
			return nil
		}
		whole = max(whole, shutdownBudget(t.cfg.Shutdown))
		forced = max(forced, t.cfg.Shutdown.Force)
	}
	overdue := make(chan struct{})
	go func() {
		defer close(overdue)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		timer := time.NewTimer(whole + abandonTime)
		defer timer.Stop()
		select {
		case <-ended:
			return
		case <-timer.C:
			return
		case <-s.forced.Done():
		}
		timer.Reset(max(forced, minCloseTime) + forcedCloseTime + abandonTime)
		select {
		case <-ended:
		case <-timer.C:
		}
	}()
	return overdue
}

// ShutdownBound is the maximum time from the end of a run's context to the end of the run. It holds even if everything hangs. A
// platform has to wait this long before it kills the program. 45 s with the defaults.
func ShutdownBound(p policy.Shutdown) time.Duration { return shutdownBudget(p) + flushTimeout }

// flushTime is how long flushing may take: flushTimeout, less what worker processes have used of it for their own flushing.
func (s *shutdown) flushTime(tasks []ergon.TaskConfig) time.Duration {
	began := s.began.Load()
	if began == nil {
		return flushTimeout
	}
	var longest time.Duration
	for _, t := range tasks {
		longest = max(longest, shutdownBudget(t.Shutdown))
	}
	return max(min(flushTimeout, time.Until(began.Add(longest+flushTimeout))), minFlushTime)
}

// closing returns the context in which everything is closed. It has the rest of the shutdown's budget, or all of it if no
// shutdown has begun.
func (s *shutdown) closing(ctx context.Context, p policy.Shutdown) (context.Context, context.CancelFunc) {
	began := time.Now()
	if b := s.began.Load(); b != nil {
		began = *b
	}
	return s.withDeadline(ctx, began.Add(shutdownBudget(p)))
}

// withDeadline returns a context that outlives ctx. It ends at the deadline, or forcedCloseTime after the shutdown was forced.
func (s *shutdown) withDeadline(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, end := context.WithDeadlineCause(context.WithoutCancel(ctx), deadline, errClosingTime)
	ctx, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(s.forced, func() {
		timer := time.NewTimer(forcedCloseTime)
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
