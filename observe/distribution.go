package observe

import (
	"cmp"
	"slices"
	"time"
)

// Bucket counts durations up to UpTo that are longer than the limit of the bucket before.
type Bucket struct {
	UpTo  time.Duration `json:"up_to"`
	Count int64         `json:"count"`
}

// statsOf returns the figures of buckets, which are in order and not empty.
func statsOf(buckets []Bucket) PhaseStats {
	s := PhaseStats{Buckets: buckets}
	for _, b := range buckets {
		s.Count += b.Count
	}
	p50, p99 := (s.Count+1)/2, s.Count-s.Count/100
	var seen int64
	for _, b := range buckets {
		below := seen
		seen += b.Count
		if below < p50 && seen >= p50 {
			s.P50 = b.UpTo
		}
		if below < p99 && seen >= p99 {
			s.P99 = b.UpTo
		}
		s.Max = b.UpTo
	}
	return s
}

// Plus returns the figures of both together. The result is as exact as each of them, because buckets are added.
func (p PhaseStats) Plus(other PhaseStats) PhaseStats {
	all := slices.Concat(p.Buckets, other.Buckets)
	slices.SortFunc(all, func(a, b Bucket) int { return cmp.Compare(a.UpTo, b.UpTo) })
	merged := all[:0]
	for _, b := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].UpTo == b.UpTo {
			merged[last].Count += b.Count
			continue
		}
		merged = append(merged, b)
	}
	return statsOf(merged)
}
