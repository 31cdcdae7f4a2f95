package pipeline

import (
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// atWork counts the attempts that run, by phase; nil where none does. It looks at every slot.
func (c *Consumer) atWork() map[policy.Phase]int64 {
	var by map[policy.Phase]int64
	for phase, n := range c.pool.atWork() {
		if n == 0 {
			continue
		}
		if by == nil {
			by = map[policy.Phase]int64{}
		}
		by[phaseOf(c.plan.produces, lifecycle.Phase(phase))] = n
	}
	return by
}

func (p *pool) atWork() (counts [lifecycle.Phases]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.watchdogs {
		for s := range d.Running {
			counts[s.Attempt.mark().phase()]++
		}
	}
	return counts
}
