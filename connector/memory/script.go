package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
)

// script knows which fault strikes which call.
type script struct {
	mu     sync.Mutex
	calls  [operations]int
	faults []Fault
	used   []int // how often, by the index of the fault
}

func newScript(faults []Fault) *script {
	return &script{faults: slices.Clone(faults), used: make([]int, len(faults))}
}

// begin numbers a call.
func (s *script) begin(on Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[on]++
	return s.calls[on]
}

// due returns the faults among those picked that due a call which these transactions take part in, in the order of
// the script, and counts them.
func (s *script) due(on Operation, call int, batch []ergon.Transaction, pick func(Fault) bool) []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Fault
	for i, f := range s.faults {
		if f.on != on || call < f.call || s.used[i] >= f.times || !pick(f) || !f.takesPart(batch) {
			continue
		}
		s.used[i]++
		found = append(found, f)
	}
	return found
}

// takesPart reports whether the fault is for all transactions or for one of batch.
func (f Fault) takesPart(batch []ergon.Transaction) bool {
	return len(f.ids) == 0 ||
		slices.ContainsFunc(batch, func(t ergon.Transaction) bool { return f.concerns(t.ID()) })
}

// unused returns the faults that have not struck yet.
func (s *script) unused() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var never []Fault
	for i, f := range s.faults {
		if s.used[i] == 0 {
			never = append(never, f)
		}
	}
	return never
}

// hold is the stall of a fault. It returns the context for the rest of the operation. Where the stall and the context end
// at the same moment, the context wins.
func (f Fault) hold(ctx context.Context) (context.Context, error) {
	if f.ignoresContext {
		ctx = context.WithoutCancel(ctx)
	}
	var over <-chan time.Time
	deadline, bounded := ctx.Deadline()
	if f.delay != Forever && (!bounded || f.delay < time.Until(deadline)) {
		timer := time.NewTimer(f.delay)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return ctx, fmt.Errorf("memory: stalled %s: %w", f.on, context.Cause(ctx))
	}
	return ctx, nil
}
