package runner

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// SignalError is the cause of a context that a signal ended, see [Signals].
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

// ExitCode returns 128 plus the number of the signal, as in shells: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
func (e *SignalError) ExitCode() int {
	if number, ok := e.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// Signals returns a context that ends when parent ends, or at the first SIGINT, SIGTERM or SIGHUP. After a signal its cause is a
// *[SignalError]. The second signal closes force, unless it is SIGHUP, which a closing terminal may send twice. After that,
// signals have their default effect again, so a third one kills the process. If the process was started with SIGHUP ignored, as
// nohup does, it stays ignored. SIGPIPE does not kill the process: a write to a closed pipe returns an error. stop restores the
// default effect of all these signals and ends the context.
func Signals(parent context.Context) (ctx context.Context, force <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	forced := make(chan struct{})
	signals, pipes := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(pipes, syscall.SIGPIPE) // caught, not ignored: child processes would inherit that
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
