package pipeline

import (
	"slices"

	"github.com/ergon-go/ergon/policy"
)

// turns is what the settler asks of the table of deliveries: who may be settled, and in which order. Whoever holds settleLock calls it. Nil
// lets everything be settled as it ends.
type turns struct {
	table *deliveries
	ready []*flight // memory of arrange
}

// inOrder reports whether the source settles each partition in order.
func (t *turns) inOrder() bool { return t != nil && t.table.inOrder }

// arrange takes flights that have ended, and returns those that may be settled now: of a source that settles in order, the first of each
// partition, in order. The others wait in their windows. The result is valid until the next call.
func (t *turns) arrange(ended []*flight) []*flight {
	if t == nil {
		return ended
	}
	var requeued []*flight
	t.table.mu.Lock()
	t.ready = t.ready[:0]
	touched := t.table.dirty
	t.table.dirty = nil
	for _, f := range ended {
		switch e := f.held; {
		case e.fate == fateFenced:
			f.verdict.redeliver()
			t.ready = append(t.ready, f)
		case e.window == nil:
			e.stage = stageReady
			t.ready = append(t.ready, f)
		case e.fate == fateDropped || f.verdict.skip || f.verdict.interrupted:
			t.table.dropLocked(e)
			f.verdict.drop()
			t.ready = append(t.ready, f)
		case f.verdict.action == policy.SettleRequeue:
			requeued = append(requeued, f)
		default:
			e.stage = stageEnded
			t.table.blockLocked(e.window, 1)
			if !slices.Contains(touched, e.window) {
				touched = append(touched, e.window)
			}
		}
	}
	for _, w := range touched {
		t.ready = t.table.takeReadyLocked(w, t.ready)
	}
	t.endOrphansLocked()
	t.table.mu.Unlock()
	for _, f := range requeued {
		t.requeue(f)
	}
	return t.ready
}

// endOrphansLocked lets those end that were given up while they waited for their turn.
func (t *turns) endOrphansLocked() {
	for _, f := range t.table.orphans {
		if f.held.fate == fateFenced {
			f.verdict.redeliver()
		} else {
			f.verdict.drop()
		}
		t.ready = append(t.ready, f)
	}
	t.table.orphans = nil
}

// requeue keeps f in its place until it is due: its source takes nothing back. During a shutdown f is dropped.
func (t *turns) requeue(f *flight) {
	e := f.held
	t.table.mu.Lock()
	e.stage = stageHeld
	t.table.mu.Unlock()
	if t.table.parts.keep(f, f.verdict.delay) {
		return // f is somebody else's now
	}
	t.table.mu.Lock()
	defer t.table.mu.Unlock()
	if e.fate == fateFenced {
		f.verdict.redeliver()
	} else {
		t.table.dropLocked(e)
		f.verdict.drop()
	}
	e.stage = stageReady
	t.ready = append(t.ready, f)
}

// redeliver makes a transaction end as one that belongs to its source again.
func (v *verdict) redeliver() { *v = verdict{outcome: Redelivered, skip: true, reported: v.reported} }

// drop makes a transaction end as one that the loop gave up, and that its source delivers again to whoever comes next.
func (v *verdict) drop() {
	*v = verdict{outcome: Interrupted, skip: true, interrupted: true, reported: v.reported}
}
