package pipeline

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/internal/panics"
)

// demandInterval is the shortest time between two changes of the demand, except to and from 0: a server may have to set up its consumer
// anew for each.
const demandInterval = time.Second

// demandStep is the part of the demand below which a change is not passed on.
const demandStep = 10

// run tells the source what is wanted until ctx ends. 0, and the first number after it, are told at once. Others wait until the interval
// is over, and then the latest is told.
func (d *demand) run(ctx context.Context) {
	told := 0
	defer func() {
		if told != 0 {
			d.tell(0)
		}
	}()
	next := instant(0) // no change before, except to and from 0
	for {
		n, wait := d.wanted()
		switch {
		case n == told:
		case n == 0, told == 0, d.matters(n, told) && d.clock.Now() >= next:
			d.tell(n)
			told, next = n, d.clock.Now().After(demandInterval)
			continue // it may have changed meanwhile
		case d.matters(n, told):
			wait = time.Duration(next - d.clock.Now())
		}
		timer := afterOrNever(wait)
		select {
		case <-d.news:
		case <-timer.c:
		case <-ctx.Done():
			timer.stop()
			return
		}
		timer.stop()
	}
}

// matters reports whether a change is large enough to be passed on.
func (*demand) matters(n, told int) bool { return max(n-told, told-n)*demandStep >= told }

// tell calls the source. A panic of it costs this call only.
func (d *demand) tell(n int) {
	defer func() {
		if crash := recover(); crash != nil {
			d.watcher.log.demandFailed(panics.Of("Demand", crash, nil))
		}
	}()
	d.listener.Demand("", n)
}
