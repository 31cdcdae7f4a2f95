package runner

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// SignalError is the cause of a context that [Signals] ended.
type SignalError struct {
	Signal os.Signal
}

var _ error = (*SignalError)(nil)

func (e *SignalError) Error() string {
	switch e.Signal {
	case os.Interrupt:
		return "stopped by SIGINT"
	case syscall.SIGTERM:
		return "stopped by SIGTERM"
	default:
		return "stopped by signal: " + e.Signal.String()
	}
}

// ExitCode is 128 plus the signal's number, as shells have it: 130 for SIGINT, 143 for SIGTERM.
func (e *SignalError) ExitCode() int {
	if number, ok := e.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// Signals returns a context that ends with parent or by the first SIGINT or SIGTERM, then with a *[SignalError] as its
// cause. The second signal closes force. From then on signals have their usual effect again, so a third ends the process.
// Call stop to give the signals back; it also ends the context.
func Signals(parent context.Context) (ctx context.Context, force <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	forced := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			cancel(&SignalError{Signal: s})
		case <-stopped:
			return
		}
		select {
		case <-signals:
			signal.Stop(signals) // before anybody can see force
			close(forced)
		case <-stopped:
		}
	})
	stop = sync.OnceFunc(func() {
		close(stopped)
		watcher.Wait()
		cancel(nil)
	})
	return ctx, forced, stop
}
