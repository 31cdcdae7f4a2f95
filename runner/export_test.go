package runner

import (
	"context"
	"os"
)

// WithoutJitter makes the delays between restarts exact.
func WithoutJitter(s Settings) Settings {
	s.jitter = func() float64 { return 0 }
	return s
}

// WatchSignals does what signals mean.
func WatchSignals(signals <-chan os.Signal, stopped <-chan struct{}, end context.CancelCauseFunc, force func()) {
	watchSignals(signals, stopped, end, force)
}
