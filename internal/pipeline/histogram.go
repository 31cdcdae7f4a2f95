package pipeline

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets that are 1/16 of a power of two wide: within 6 % of the true value.
type histogram struct {
	buckets [976]atomic.Int64
}

func (h *histogram) observe(d instant) { h.buckets[bucketOf(max(d, 0))].Add(1) }

func bucketOf(d instant) int {
	e := max(bits.Len64(uint64(d))-5, 0)
	return e<<4 + int(d>>e)
}

// upper is the highest duration that falls into bucket i.
func upper(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	e := i>>4 - 1
	return time.Duration((int64(i-e<<4)+1)<<e - 1)
}
