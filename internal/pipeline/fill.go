package pipeline

import (
	"context"
	"math/rand/v2"
	"time"
)

// filling is a batch that waits for more before it begins [L4]. It is the fetch loop's goroutine's; workers do not fetch then.
type filling struct {
	flights []*flight
	count   int     // of them, and of what is held back by them
	until   instant // when it begins, full or not
	next    instant // no fetch before
}

// fills reports whether what is fetched waits for more. A probe of an outage does not.
func (i *fetchLoop) fills() bool { return i.loop.Batch.Fill > 0 && !i.outage.lasts() }

// fill adds to the batch.
func (i *fetchLoop) fill(ready []*flight, count int) {
	if i.filling.count == 0 {
		i.filling.until = i.clock.Now().After(i.loop.Batch.Fill)
	}
	i.filling.flights = append(i.filling.flights, ready...)
	i.filling.count += count
}

// paceFilling has the next fetch for the batch wait as after an empty one.
func (i *fetchLoop) paceFilling() {
	i.empties++
	p := i.loop.EmptyQueue
	i.filling.next = i.clock.Now().After(p.Jittered(p.Delay(i.empties), rand.Float64()))
}

// untilFilled is how long the batch may wait for more; 0 where there is none.
func (i *fetchLoop) untilFilled() time.Duration {
	if len(i.filling.flights) == 0 {
		return 0
	}
	return max(time.Duration(i.filling.until-i.clock.Now()), 1)
}

// beginFilled begins the batch where it has enough, has waited long enough, or no more may be started.
func (i *fetchLoop) beginFilled() {
	if i.filling.count >= i.loop.Batch.MinSize || i.spent() || i.clock.Now() >= i.filling.until {
		i.beginBatch()
	}
}

func (i *fetchLoop) beginBatch() {
	if batch := i.filling.flights; len(batch) > 0 {
		i.filling = filling{}
		i.outage.hand(batch, nil)
	}
}

// endFilling is for when nothing more is fetched: the batch begins, or goes back at shutdown.
func (i *fetchLoop) endFilling(ctx context.Context) {
	if i.loop.Batch.Fill == 0 {
		return // workers may be fetching, and look at it
	}
	if ctx.Err() == nil {
		i.beginBatch()
		return
	}
	batch := i.filling.flights
	i.filling = filling{}
	i.interruptWaiting(batch)
}
