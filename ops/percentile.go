package ops

import (
	"time"

	"github.com/ergon-go/ergon/runner"
)

// minus is what was counted later and not before. Both are in order.
func minus(later, before []runner.Bucket) []runner.Bucket {
	var since []runner.Bucket
	for _, b := range later {
		for len(before) > 0 && before[0].UpTo < b.UpTo {
			before = before[1:]
		}
		if len(before) > 0 && before[0].UpTo == b.UpTo {
			b.Count -= before[0].Count
		}
		if b.Count > 0 {
			since = append(since, b)
		}
	}
	return since
}

// percentile is the nearest rank, at most 6 % too high as the buckets are; 0 where there is nothing.
func percentile(buckets []runner.Bucket, percent int64) time.Duration {
	var count, seen int64
	for _, b := range buckets {
		count += b.Count
	}
	rank := count - count*(100-percent)/100
	for _, b := range buckets {
		if seen += b.Count; seen >= rank && seen > 0 {
			return b.UpTo
		}
	}
	return 0
}
