package runner

import "github.com/ergon-go/ergon/internal/pipeline"

// processSnapshots merges the snapshots of all processes of one worker.
type processSnapshots struct {
	earlier Snapshot                   // of the processes before the last
	latest  Snapshot                   // of the last, from its last heartbeat
	settled map[pipeline.Outcome]int64 // of the last, reported before each settlement: latest may not have all of them yet
}

func (p *processSnapshots) update(latest Snapshot) { p.latest = latest }

func (p *processSnapshots) settle(o pipeline.Outcome, n int64) {
	if p.settled == nil {
		p.settled = map[pipeline.Outcome]int64{}
	}
	p.settled[o] += n
}

// died is called when the last process has died: there will be no snapshot with its last settlements.
func (p *processSnapshots) died() { p.latest = withSettled(p.latest, p.settled) }

// next returns the snapshot of the last process, which has ended, and prepares for another one.
func (p *processSnapshots) next() Snapshot {
	last := p.latest
	p.earlier = consecutive(p.earlier, last)
	p.earlier.Abandoned = 0 // they died with their process
	p.earlier = finished(p.earlier)
	p.latest, p.settled = Snapshot{}, nil
	return last
}

func (p *processSnapshots) merged() Snapshot { return consecutive(p.earlier, p.latest) }
