package stats

import (
	"math"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets with given boundaries. Safe for concurrent use.
type Histogram struct {
	bounds    []time.Duration              // sorted; never changed
	cells     [Shards]atomic.Pointer[cell] // made when a shard first records, by CAS
	exemplars []atomic.Pointer[Exemplar]   // one for each bucket: the latest
}

// cell is what one shard has recorded. Its words are changed one after the other: who reads meanwhile may see a duration in its bucket
// and not yet in the sum. The next reading has both.
type cell struct {
	buckets []atomic.Int64 // how many durations, by bucket; the last is for what is above all boundaries
	sum     atomic.Int64   // of all durations, in nanoseconds
	min     atomic.Int64   // the shortest; math.MaxInt64 for none
	max     atomic.Int64   // the longest
}

// Exemplar is a duration that belongs to a trace that is sampled.
type Exemplar struct {
	At      time.Time
	Value   time.Duration
	TraceID [16]byte
	SpanID  [8]byte
}

// Distribution is what a histogram has recorded up to a moment.
type Distribution struct {
	Count         int64
	Sum, Min, Max time.Duration // Min and Max mean nothing where Count is 0
	Buckets       []int64
	Exemplars     []Exemplar // at most one for each bucket
}

// NewHistogram makes a histogram. Bounds are in seconds and sorted; a duration belongs to the first bucket whose bound it does not exceed.
func NewHistogram(bounds []float64) *Histogram {
	h := &Histogram{bounds: make([]time.Duration, len(bounds)), exemplars: make([]atomic.Pointer[Exemplar], len(bounds)+1)}
	for i, b := range bounds {
		h.bounds[i] = time.Duration(math.Round(b * float64(time.Second)))
	}
	return h
}

// Record counts one duration; a negative one counts as 0. Shard is any number: the same for what one worker records.
func (h *Histogram) Record(shard int, d time.Duration) {
	d = max(d, 0)
	c := h.cell(shard)
	c.buckets[h.bucketOf(d)].Add(1)
	c.sum.Add(int64(d))
	for low := c.min.Load(); int64(d) < low && !c.min.CompareAndSwap(low, int64(d)); {
		low = c.min.Load()
	}
	for high := c.max.Load(); int64(d) > high && !c.max.CompareAndSwap(high, int64(d)); {
		high = c.max.Load()
	}
}

// Exemplify keeps a duration, recorded already, as the example of its bucket.
func (h *Histogram) Exemplify(e Exemplar) {
	e.Value = max(e.Value, 0)
	h.exemplars[h.bucketOf(e.Value)].Store(&e)
}

// bucketOf looks from below: handlers that are called often are short.
func (h *Histogram) bucketOf(d time.Duration) int {
	for i, bound := range h.bounds {
		if d <= bound {
			return i
		}
	}
	return len(h.bounds)
}

func (h *Histogram) cell(shard int) *cell {
	at := &h.cells[uint(shard)%Shards]
	if c := at.Load(); c != nil {
		return c
	}
	made := &cell{buckets: make([]atomic.Int64, len(h.bounds)+1)}
	made.min.Store(math.MaxInt64)
	if at.CompareAndSwap(nil, made) {
		return made
	}
	return at.Load()
}

// Read adds up the shards.
func (h *Histogram) Read() Distribution {
	d := Distribution{Min: math.MaxInt64, Buckets: make([]int64, len(h.bounds)+1)}
	for i := range h.cells {
		c := h.cells[i].Load()
		if c == nil {
			continue
		}
		for b := range c.buckets {
			n := c.buckets[b].Load()
			d.Buckets[b] += n
			d.Count += n
		}
		d.Sum += time.Duration(c.sum.Load())
		d.Min, d.Max = min(d.Min, time.Duration(c.min.Load())), max(d.Max, time.Duration(c.max.Load()))
	}
	for i := range h.exemplars {
		if e := h.exemplars[i].Load(); e != nil {
			d.Exemplars = append(d.Exemplars, *e)
		}
	}
	return d
}
