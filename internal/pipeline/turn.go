package pipeline

import (
	"slices"

	"github.com/ergon-go/ergon/policy"
)

// begin is called before a batch is settled. It returns the flights that the batch settles: those that were taken back meanwhile end
// without the source, and those whose turn it is not any more wait again.
func (t *turns) begin(batch []*flight) []*flight {
	if t == nil {
		return batch
	}
	var requeued []*flight
	t.table.mu.Lock()
	batch = slices.DeleteFunc(batch, func(f *flight) bool {
		switch e := f.held; {
		case e.fate == fateFenced:
			f.verdict.redeliver()
		case e.fate == fateDropped:
			f.verdict.drop()
		case f.verdict.skip:
		case e.window == nil:
			e.stage = stageSettling
		case f.verdict.action == policy.SettleRequeue: // its letter was not written
			e.window.begin(e)
			e.stage = stageHeld
			e.window.wait(e)
			requeued = append(requeued, f)
			return true
		case !e.window.begin(e):
			t.waitAgainLocked(f)
			return true
		default:
			e.stage = stageSettling
		}
		return false
	})
	t.table.mu.Unlock()
	for _, f := range requeued {
		n := len(t.ready)
		t.requeue(f)
		if len(t.ready) > n { // it is dropped
			t.ready = t.ready[:n]
			batch = append(batch, f)
		}
	}
	return batch
}

// waitAgainLocked puts f back where it waits for its turn.
func (t *turns) waitAgainLocked(f *flight) {
	e := f.held
	f.verdict.skip, f.verdict.again = false, false
	e.stage = stageEnded
	e.window.wait(e)
	t.table.blockLocked(e.window, 1)
	if !slices.Contains(t.table.dirty, e.window) {
		t.table.dirty = append(t.table.dirty, e.window)
	}
}

// settled is called when a batch is settled, and returns the flights that have ended with it. Those of which the source has to be told
// again wait for their turn once more or, if too many batches in a row have failed, are given up.
func (t *turns) settled(batch []*flight, giveUp bool) []*flight {
	if t == nil {
		return batch
	}
	again := false
	t.table.mu.Lock()
	batch = slices.DeleteFunc(batch, func(f *flight) bool {
		e := f.held
		if f.verdict.again && e.fate == fateOpen && !giveUp {
			f.verdict.reported = true
			t.waitAgainLocked(f)
			again = true
			return true
		}
		if f.verdict.again {
			if e.fate == fateOpen {
				t.table.dropLocked(e)
			}
			f.verdict.redeliver()
		}
		t.table.leaveLocked(e)
		return false
	})
	again = again || len(t.table.orphans) > 0
	t.table.tellLocked()
	t.table.mu.Unlock()
	if again {
		t.table.parts.wake()
	}
	return batch
}
