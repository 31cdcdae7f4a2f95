package stats_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/stats"
)

// [O1] A duration belongs to the first bucket whose bound it does not exceed, as with the SDK.
func TestDurationFallsIntoItsBucket(t *testing.T) {
	bounds := spans.DurationBuckets()
	for i, bound := range append([]float64{0}, bounds...) {
		at := time.Duration(math.Round(bound * float64(time.Second)))
		for d, want := range map[time.Duration]int{at: max(i-1, 0), at + 1: i} {
			h := stats.NewHistogram(bounds)
			h.Record(0, d)
			got := h.Read()
			if slices.Index(got.Buckets, 1) != want {
				t.Errorf("%s is in bucket %d, want %d", d, slices.Index(got.Buckets, 1), want)
			}
			if got.Count != 1 || got.Sum != d || got.Min != d || got.Max != d {
				t.Errorf("%s is read as %+v", d, got)
			}
			if sdk, _ := slices.BinarySearch(bounds, d.Seconds()); sdk != want {
				t.Errorf("%s is in bucket %d of the SDK, want %d", d, sdk, want)
			}
		}
	}
}

// [O1] Shards add up, whatever they are called, and nothing is lost where many record at once.
func TestShardsAddUp(t *testing.T) {
	h := stats.NewHistogram([]float64{1, 2})
	const workers, each = 20, 1000
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				h.Record(w-workers/2, time.Duration(i%3)*time.Second+time.Millisecond)
			}
		})
	}
	all.Wait()
	got := h.Read()
	const third = workers * ((each + 2) / 3)
	want := stats.Distribution{
		Count: workers * each, Min: time.Millisecond, Max: 2*time.Second + time.Millisecond,
		Buckets: []int64{third, workers * 333, workers * 333},
		Sum:     workers * (333*3*time.Second + each*time.Millisecond),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHistogramWithoutDurationsIsEmpty(t *testing.T) {
	if got := stats.NewHistogram([]float64{1}).Read(); got.Count != 0 || got.Sum != 0 || len(got.Exemplars) != 0 {
		t.Errorf("got %+v", got)
	}
}

// A clock that goes back must not lower a sum, which is monotonic.
func TestNegativeDurationCountsAsNone(t *testing.T) {
	h := stats.NewHistogram([]float64{1})
	h.Record(0, -time.Second)
	h.Exemplify(stats.Exemplar{Value: -time.Second})
	if got := h.Read(); got.Sum != 0 || got.Min != 0 || got.Buckets[0] != 1 || got.Exemplars[0].Value != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestEachBucketKeepsItsLatestExemplar(t *testing.T) {
	h := stats.NewHistogram([]float64{1})
	for i, d := range []time.Duration{time.Millisecond, 3 * time.Second, 2 * time.Millisecond} {
		h.Exemplify(stats.Exemplar{Value: d, SpanID: [8]byte{byte(i)}})
	}
	got := h.Read().Exemplars
	if len(got) != 2 || got[0].SpanID[0] != 2 || got[1].SpanID[0] != 1 {
		t.Errorf("got %+v, want the latest of both buckets", got)
	}
}

// [O2] After the first of a shard nothing is allocated.
func TestRecordingAllocatesNothing(t *testing.T) {
	h, c := stats.NewHistogram(spans.DurationBuckets()), &stats.Counter{}
	if n := testing.AllocsPerRun(100, func() {
		h.Record(3, time.Millisecond)
		c.Add(1)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if got := h.Read().Count; got != c.Total() {
		t.Errorf("%d durations and %d counted", got, c.Total())
	}
}

// [O1] Loops that have the same name for the same thing share its series; other attributes are another series.
func TestSameSeriesIsShared(t *testing.T) {
	var r stats.Registry
	one, two := attribute.NewSet(attribute.Int("a", 1)), attribute.NewSet(attribute.Int("a", 2))
	sum := instrument("n")
	timing := instrument("d", 1)
	r.Counter(sum, one).Add(1)
	r.Counter(sum, attribute.NewSet(attribute.Int("a", 1))).Add(2)
	r.Counter(sum, two).Add(4)
	r.Histogram(timing, one).Record(0, 1)
	r.Histogram(timing, one).Record(1, 1)
	r.Histogram(timing, two).Record(0, 1)
	var totals, counts []int64
	for _, c := range r.Counters() {
		totals = append(totals, c.Total())
	}
	for _, h := range r.Histograms() {
		counts = append(counts, h.Read().Count)
	}
	if diff := cmp.Diff([][]int64{{3, 4}, {2, 1}}, [][]int64{totals, counts}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if r.Counters()[1].Attributes != two || r.Histograms()[0].Instrument.Name != "d" {
		t.Errorf("got %+v and %+v", r.Counters(), r.Histograms())
	}
}

// Series are asked for while others are read.
func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	var r stats.Registry
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 50 {
				r.Counter(spans.Transactions, attribute.NewSet(attribute.Int("a", i))).Add(1)
				if n := len(r.Counters()); n == 0 || n > 50 {
					t.Errorf("%d counters after %d of worker %d", n, i, w)
				}
			}
		})
	}
	all.Wait()
	for _, c := range r.Counters() {
		if c.Total() != 8 {
			t.Errorf("%v has %d, want 8", c.Attributes, c.Total())
		}
	}
}

func instrument(name string, buckets ...float64) spans.Instrument {
	return spans.Instrument{Name: name, Buckets: buckets}
}
