package pipeline

// completion counts, records and reports what became of the flights of a batch that is settled, and frees them. Whoever settles calls it.
type completion struct {
	stats     *loopStats
	capacity  *capacity
	unwritten *unwritten
	memory    *flightMemory
	recorder  *recorder // nil: nothing is recorded
	watcher   *watcher
	hybrid    bool // results are outbound transactions
}

// complete is called once for each batch. No flight may be used afterwards. The count of capacity is last: it may end the loop.
func (c *completion) complete(s *settling, now instant, err error, byWorker bool) {
	took := now - s.began
	c.stats.worked.Store(int64(now))
	c.stats.shards[0].phases[phaseSettle].observe(took)
	c.unwritten.settled(s.batch)
	var counts [outcomes]int64
	for _, f := range s.batch {
		counts[f.verdict.outcome]++
		if c.hybrid && f.verdict.outcome == Succeeded {
			c.stats.produced.Add(int64(len(f.outbound())))
		}
		if c.recorder != nil {
			c.recorder.settled(f, s.began, took)
		}
		if c.watcher.log.debug && !c.watcher.produces {
			c.watcher.log.settled(f.traced(), f.tx.ID(), f.verdict.outcome, f.verdict.action)
		}
		c.memory.done(f)
	}
	c.watcher.settleEnded(s.span, counts, took, err)
	for o, n := range counts {
		if n > 0 {
			c.stats.ended[o].Add(n)
		}
	}
	c.capacity.settled(len(s.batch), byWorker)
}
