package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// filling is a batch that waits for more before it begins [L4]. Only the fetch loop's goroutine changes it; workers do not fetch if the
// policy lets batches wait.
type filling struct {
	policy  policy.Batch
	clock   clock
	flights []*flight
	count   int     // of them, and of those that they hold back
	until   instant // when it begins, full or not
	next    instant // no fetch before
}

// waits reports whether there is something that waits for more.
func (f *filling) waits() bool { return len(f.flights) > 0 }

// add adds flights, and n as the number of them and of those that they hold back.
func (f *filling) add(ready []*flight, n int) {
	if f.count == 0 {
		f.until = f.clock.Now().After(f.policy.Fill)
	}
	f.flights = append(f.flights, ready...)
	f.count += n
}

// delay lets the next fetch for the batch wait.
func (f *filling) delay(d time.Duration) { f.next = f.clock.Now().After(d) }

// untilBegin is how long the batch may wait for more; 0 if there is none.
func (f *filling) untilBegin() time.Duration {
	if !f.waits() {
		return 0
	}
	return max(time.Duration(f.until-f.clock.Now()), 1)
}

// within is a wait, or what is left of it until the batch begins.
func (f *filling) within(wait time.Duration) time.Duration {
	if left := f.untilBegin(); left > 0 {
		return min(wait, left)
	}
	return wait
}

// complete reports whether the batch has enough or has waited long enough.
func (f *filling) complete() bool { return f.count >= f.policy.MinSize || f.clock.Now() >= f.until }

// take removes the batch; nil if there is none.
func (f *filling) take() []*flight {
	batch := f.flights
	if len(batch) > 0 {
		f.flights, f.count, f.until, f.next = nil, 0, 0, 0
	}
	return batch
}
