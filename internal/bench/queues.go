package bench

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// queued is how many items a run takes through a queue: as many as make what it takes to begin and to end unimportant.
const queued = 10_000

// Queued gives all contestants that many items.
func Queued(contestants []Contestant) []Entry {
	entries := Entries(contestants, Noop())
	for i := range entries {
		entries[i].Items = queued
	}
	return entries
}

func asConfigured(*sqlite.QueueConfig) {}

// withoutDedup deletes what is settled at once, as a queue by hand does.
func withoutDedup(c *sqlite.QueueConfig) { c.DedupWindow = 0 }

// Enqueue are the ways to have items in a queue, a batch of 100 in each commit, each confirmed by the disk.
func Enqueue(files *QueueFiles) []Contestant {
	return []Contestant{
		handEnqueues(files, "by hand", byHandOwn),
		handEnqueues(files, "by hand, on ergon's tables", openByHandOnOurTables),
		files.contestant("ergon", func(ctx context.Context, path string, _ int) (opened, error) {
			q, err := openErgon(ctx, path, asConfigured)
			return opened{close: q.close, run: func(ctx context.Context, items int) (int, error) { return items, q.fill(ctx, items) }}, err
		}),
	}
}

// Settle are the ways to claim items and settle them, 100 in each commit, one commit for the claim and one for the settlement.
func Settle(files *QueueFiles) []Contestant {
	return []Contestant{
		byHandOn(files, "by hand", byHandOwn, handSettles),
		byHandOn(files, "by hand, on ergon's tables", openByHandOnOurTables, handSettles),
		ergonOn(files, "ergon, dedup_window: 0", withoutDedup, func(ctx context.Context, q ergonQueues) (int, error) { return q.settle(ctx) }),
		ergonOn(files, "ergon", asConfigured, func(ctx context.Context, q ergonQueues) (int, error) { return q.settle(ctx) }),
		ergonOn(files, "ergon, by the engine", asConfigured, engineTakes()),
		ergonOn(files, "ergon, by the engine, a batch ahead", asConfigured, engineTakes(ahead)),
		ergonOn(files, "ergon, by the engine, a batch ahead, dedup_window: 0", withoutDedup, engineTakes(ahead)),
		ergonOn(files, "ergon, by the engine, mode batch", asConfigured, engineTakes(byBatch)),
	}
}

// Hop are the ways to move items from one queue to another in the same file: claimed in one commit, what came out of them
// enqueued and they themselves settled in another, 100 at a time.
func Hop(files *QueueFiles) []Contestant {
	return []Contestant{
		byHandOn(files, "by hand", byHandOwn, handHops),
		byHandOn(files, "by hand, on ergon's tables", openByHandOnOurTables, handHops),
		ergonOn(files, "ergon, dedup_window: 0", withoutDedup, func(ctx context.Context, q ergonQueues) (int, error) { return q.hop(ctx) }),
		ergonOn(files, "ergon", asConfigured, func(ctx context.Context, q ergonQueues) (int, error) { return q.hop(ctx) }),
		ergonOn(files, "ergon, by the engine", asConfigured, engineMoves()),
		ergonOn(files, "ergon, by the engine, a batch ahead", asConfigured, engineMoves(ahead)),
		ergonOn(files, "ergon, by the engine, a batch ahead, dedup_window: 0", withoutDedup, engineMoves(ahead)),
		ergonOn(files, "ergon, by the engine, mode batch", asConfigured, engineMoves(byBatch)),
	}
}

// EndToEnd is a transaction's whole way: it is enqueued, 100 in each commit, then claimed, processed and settled by the engine.
func EndToEnd(files *QueueFiles) []Contestant {
	return []Contestant{
		files.contestant("ergon, enqueue to settlement", func(ctx context.Context, path string, _ int) (opened, error) {
			q, err := openErgon(ctx, path, asConfigured)
			return opened{close: q.close, run: func(ctx context.Context, items int) (int, error) {
				if err := q.fill(ctx, items); err != nil {
					return 0, err
				}
				return q.run(ctx, newConsumer(noop))
			}}, err
		}),
	}
}

// The queues of connector/sqlite are numbered in the order in which they were opened first.
const (
	inQueue  = 1
	outQueue = 2
)

func byHandOwn(_ context.Context, path string) (byHand, error) { return openByHand(path) }

func handSettles(_ context.Context, q byHand) (int, error) {
	return q.work(inQueue, func(handClaimed) error { return nil })
}

func handHops(ctx context.Context, q byHand) (int, error) { return q.hop(ctx, inQueue, outQueue, noop) }

func handEnqueues(files *QueueFiles, name string, open func(context.Context, string) (byHand, error)) Contestant {
	return files.contestant(name, func(ctx context.Context, path string, _ int) (opened, error) {
		q, err := open(ctx, path)
		return opened{close: q.close, run: func(_ context.Context, items int) (int, error) { return items, q.fill(inQueue, items) }}, err
	})
}

// byHandOn is a contestant whose file has as many items as a run is to process.
func byHandOn(
	files *QueueFiles, name string, open func(context.Context, string) (byHand, error), run func(context.Context, byHand) (int, error),
) Contestant {
	return files.contestant(name, func(ctx context.Context, path string, items int) (opened, error) {
		q, err := open(ctx, path)
		if err != nil {
			return opened{}, err
		}
		return opened{
			close: q.close,
			run:   func(ctx context.Context, _ int) (int, error) { return run(ctx, q) },
		}, q.fill(inQueue, items)
	})
}

// ergonOn is byHandOn for a queue of ours.
func ergonOn(
	files *QueueFiles, name string, settings func(*sqlite.QueueConfig), run func(context.Context, ergonQueues) (int, error),
) Contestant {
	return files.contestant(name, func(ctx context.Context, path string, items int) (opened, error) {
		q, err := openErgon(ctx, path, settings)
		if err != nil {
			return opened{}, err
		}
		return opened{
			close: q.close,
			run:   func(ctx context.Context, _ int) (int, error) { return run(ctx, q) },
		}, q.fill(ctx, items)
	})
}

func engineTakes(with ...func(*ergon.TaskConfig)) func(context.Context, ergonQueues) (int, error) {
	return func(ctx context.Context, q ergonQueues) (int, error) { return q.run(ctx, newConsumer(noop), with...) }
}

func engineMoves(with ...func(*ergon.TaskConfig)) func(context.Context, ergonQueues) (int, error) {
	return func(ctx context.Context, q ergonQueues) (int, error) { return q.run(ctx, newRelay(noop), with...) }
}
