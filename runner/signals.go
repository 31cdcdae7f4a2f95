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
	case syscall.SIGHUP:
		return "stopped by SIGHUP"
	default:
		return "stopped by signal: " + e.Signal.String()
	}
}

// ExitCode is 128 plus the signal's number, as shells have it: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
func (e *SignalError) ExitCode() int {
	if number, ok := e.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// Signals returns a context that ends with parent or by the first SIGINT, SIGTERM or SIGHUP, then with a *[SignalError] as its
// cause. The second signal closes force, unless it is SIGHUP: a terminal that is closed may send that twice. From then on
// signals have their usual effect again, so a third ends the process. SIGHUP is left ignored where the process was started
// so, as nohup does. SIGPIPE ends nothing meanwhile: what is written to a log that nobody reads any more just fails.
// Call stop to give the signals back; it also ends the context.
func Signals(parent context.Context) (ctx context.Context, force <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	forced := make(chan struct{})
	signals, pipes := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(pipes, syscall.SIGPIPE) // that it is caught is all; programs that this one starts do not inherit it
	stopped := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		defer signal.Stop(signals)
		watchSignals(signals, stopped, cancel, func() {
			signal.Stop(signals) // before anybody can see force
			close(forced)
		})
	})
	stop = sync.OnceFunc(func() {
		close(stopped)
		watcher.Wait()
		signal.Stop(pipes)
		cancel(nil)
	})
	return ctx, forced, stop
}

// watchSignals calls end for the first signal and force for the second.
func watchSignals(signals <-chan os.Signal, stopped <-chan struct{}, end context.CancelCauseFunc, force func()) {
	for ended := false; ; {
		select {
		case s := <-signals:
			switch {
			case !ended:
				ended = true
				end(&SignalError{Signal: s})
			case s != syscall.SIGHUP:
				force()
				return
			}
		case <-stopped:
			return
		}
	}
}
