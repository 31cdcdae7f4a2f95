package pipeline

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/policy"
)

// outageFixture is an outage that one failure begins, and the pool behind it: what is submitted is counted.
type outageFixture struct {
	*outage

	stats     loopStats
	capacity  capacity
	submitted int
}

func (o *outageFixture) submit(flights []*flight, _ *worker) { o.submitted += len(flights) }
func (o *outageFixture) submitDue(flights []*flight)         { o.submitted += len(flights) }
func (o *outageFixture) takeWaiting() []*flight              { return nil }

func newOutageFixture() *outageFixture {
	o := &outageFixture{}
	o.stats.init(attempt.NewClock())
	o.capacity = capacity{stats: &o.stats, slots: &atomic.Int32{}, waiting: &atomic.Int32{}, held: &atomic.Int64{}}
	o.capacity.init(policy.DefaultConsumer())
	p := policy.Outage{After: 1, ProbeInterval: 10 * time.Second, SameProbe: 3}
	o.outage = newOutage(p, o.stats.clock, &o.capacity, o, func(bool) {})
	return o
}

// fetch makes flights that the loop has fetched.
func (o *outageFixture) fetch(n int) (flights []*flight) {
	for i := range n {
		tx := ergon.NewTransaction(fmt.Sprint(i), nil)
		flights = append(flights, &flight{tx: &tx})
	}
	o.stats.fetched.Add(int64(n))
	return flights
}

// [L7] A probe that fails counts once against its transaction, however many report it, and is the only one that counts. The next begins a
// whole interval later, and not a moment before.
func TestProbeThatFailsCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutageFixture()
		flights := o.fetch(3)
		o.failed(flights[0])
		if !o.lasts() || !o.holds(flights[1:]) {
			t.Fatal("one failure does not begin the outage")
		}
		o.stats.shards[0].finished.Add(1)
		for round := range 2 {
			time.Sleep(10*time.Second - 1)
			if do, wait := o.nextProbe(false); do != probeLater || wait != 1 {
				t.Errorf("a moment before the interval is over: got %d after %s, want to wait for 1ns", do, wait)
			}
			time.Sleep(time.Nanosecond)
			if do, _ := o.nextProbe(false); do != probeBegun || o.submitted != round+1 {
				t.Fatalf("when the interval is over: got %d, %d submitted; want a probe", do, o.submitted)
			}
			if do, _ := o.nextProbe(false); do != probeLater {
				t.Errorf("a second probe beside the first: got %d", do)
			}
			probe := o.probe
			o.failed(flights[0]) // began before, and says nothing
			if o.probe != probe {
				t.Error("the failure of another ended the probe")
			}
			if !o.refuses(probe) {
				t.Error("the outage ended with a probe that failed")
			}
			o.failed(probe)
			o.probeEnded(probe, 0)
			o.refuses(probe)
			if n := o.tried[probe.tx.ID()]; n != 1 || len(o.tried) != round+1 {
				t.Errorf("the probe counts %d times, and %d transactions have been tried; want 1 and %d", n, len(o.tried), round+1)
			}
			o.stats.shards[0].finished.Add(1)
		}
	})
}
