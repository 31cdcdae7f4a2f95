package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Figures is what one measurement found, for each item.
type Figures struct {
	// Wall and CPU are in nanoseconds. CPU is of all processors together; other programs do not add to it, so on a busy
	// machine it is the one to trust.
	Wall, CPU float64
	// Allocs and Bytes are what was allocated on the heap.
	Allocs, Bytes float64
}

// Rate is how many items there were in a second.
func (f Figures) Rate() float64 { return float64(time.Second) / f.Wall }

// Measure has c process as many items, as often as times says, and returns what each item took. One that did not succeed
// is an error.
func Measure(ctx context.Context, c Contestant, items, times int, work Work) (Figures, error) {
	runtime.GC()
	var total usage
	for range times {
		if c.Ready != nil {
			if err := c.Ready(ctx, items); err != nil {
				return Figures{}, fmt.Errorf("prepare %s: %w", c.Name, err)
			}
		}
		before := used()
		succeeded, err := c.Run(ctx, items, work)
		if err != nil {
			return Figures{}, fmt.Errorf("measure %s: %w", c.Name, err)
		}
		if succeeded != items {
			return Figures{}, fmt.Errorf("measure %s: %d of %d items succeeded", c.Name, succeeded, items)
		}
		total = total.plus(used().minus(before))
	}
	n := float64(items) * float64(times)
	return Figures{
		Wall: float64(total.wall) / n, CPU: float64(total.cpu) / n,
		Allocs: float64(total.allocs) / n, Bytes: float64(total.bytes) / n,
	}, nil
}

// minus is the difference of two measurements.
func (f Figures) minus(g Figures) Figures {
	return Figures{Wall: f.Wall - g.Wall, CPU: f.CPU - g.CPU, Allocs: f.Allocs - g.Allocs, Bytes: f.Bytes - g.Bytes}
}
