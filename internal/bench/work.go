package bench

import (
	"context"
	"errors"
	"math"
	"time"
)

// Call is what happens to one item: the same function for all contestants.
type Call func(ctx context.Context) error

// Work is what every item goes through: Process, and after it Success, where that is set.
type Work struct {
	Process, Success Call
}

// both calls Process and then Success.
func (w Work) both(ctx context.Context) error {
	if err := w.Process(ctx); err != nil || w.Success == nil {
		return err
	}
	return w.Success(ctx)
}

// Noop is work that costs nothing, so that all that is measured is the engine's own cost.
func Noop() Work { return Work{Process: noop, Success: noop} }

func noop(context.Context) error { return nil }

// Busy is work that keeps a processor busy in Process for d, on an idle machine. It counts turns, not time, so that time
// taken away by other programs counts as the machine's and not as work done.
func Busy(d time.Duration) Work {
	turns := turnsIn(d)
	return Work{Process: func(context.Context) error { return spin(turns) }, Success: noop}
}

// Sleeping is work that waits in Process for d.
func Sleeping(d time.Duration) Work {
	return Work{
		Process: func(context.Context) error {
			time.Sleep(d)
			return nil
		},
		Success: noop,
	}
}

// turnsIn takes the fastest of several measurements: the others were disturbed.
func turnsIn(d time.Duration) int {
	const turns, tries = 100_000, 20
	fastest := time.Duration(math.MaxInt64)
	for range tries {
		start := time.Now()
		if spin(turns) != nil {
			return 0
		}
		fastest = min(fastest, time.Since(start))
	}
	return int(turns * d / fastest)
}

var errZero = errors.New("a xorshift generator came to zero")

// spin returns errZero never, which the compiler does not know.
func spin(turns int) error {
	x := uint64(turns) | 1
	for range turns {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		return errZero
	}
	return nil
}
