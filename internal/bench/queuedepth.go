package bench

import (
	"context"
	"fmt"
	"time"
)

// Claims is how long it takes to claim a batch of a hundred, and to settle it, while as many wait as depth says: the median
// over rounds claims.
func Claims(ctx context.Context, files *QueueFiles, depth, rounds int) (claim, settle time.Duration, err error) {
	path, err := files.file()
	if err != nil {
		return 0, 0, err
	}
	q, err := openErgon(ctx, path, asConfigured)
	if err != nil {
		return 0, 0, err
	}
	files.open = append(files.open, q.close)
	if err := q.fill(ctx, depth); err != nil {
		return 0, 0, err
	}
	var claims, settlements []float64
	for n := range rounds {
		if err := q.in.DispatchTransactions(ctx, queuedTransactions(depth+n*batchSize, batchSize)); err != nil {
			return 0, 0, err // so that as many wait each time
		}
		start := time.Now()
		batch, err := q.in.FetchTransactions(ctx, batchSize)
		if err != nil || len(batch) != batchSize {
			return 0, 0, fmt.Errorf("claim %d: got %d: %w", batchSize, len(batch), err)
		}
		claimed := time.Now()
		if err := q.in.SettleTransactions(ctx, acknowledged(batch)); err != nil {
			return 0, 0, err
		}
		claims = append(claims, float64(claimed.Sub(start)))
		settlements = append(settlements, float64(time.Since(claimed)))
	}
	return time.Duration(Median(claims)), time.Duration(Median(settlements)), files.Close()
}
