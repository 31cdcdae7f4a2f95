package inline

import (
	"fmt"
	"slices"
	"testing"
)

// world is one run of the model: the state word of one call, and what became of the result and of the caller's place.
type model struct {
	state     state
	published bool // done is closed
	back      bool // the caller has returned from Run
	over      bool // the goroutine that made the call has ended
	handOffs  int
	results   []string // who got the result
	gaveUp    bool     // who adopts does not wait any more
}

// step does one atomic step, and returns the next of its actor, nil for none.
type step func(w *model) step

// The ways in which a call ends.
const (
	succeeds = "succeeds"
	fails    = "fails"
	vanishes = "ends its goroutine"
)

// caller is Run from the moment at which the call is over.
func caller(end string) step {
	finish := func(w *model) step { // the deferred part of a call that was not in time
		w.over = true
		switch {
		case w.state.finish():
			return func(w *model) step { w.published = true; return nil }
		case w.state.abandoned():
			w.results = append(w.results, "late")
		}
		return nil
	}
	fail := func(w *model) step {
		switch {
		case !w.state.fail():
			return finish
		case end == vanishes:
			w.over = true
			return func(w *model) step {
				w.published = true
				return func(w *model) step { w.handOffs++; return nil }
			}
		}
		return func(w *model) step { w.published, w.back = true, true; return nil }
	}
	if end != succeeds {
		return fail
	}
	return func(w *model) step {
		if w.state.succeed() {
			w.results, w.back = append(w.results, "caller"), true
			return nil
		}
		return fail
	}
}

func timer(w *model) step {
	if w.state.handOff() {
		return func(w *model) step { w.handOffs++; return nil }
	}
	return nil
}

// adopter is Adopt or Drop, which begin once the caller is back with a failure or was replaced. It may give up at any moment.
func adopter(drops bool) step {
	take := func(w *model) step { // it waits for done
		w.results = append(w.results, "adopter")
		return nil
	}
	return func(w *model) step {
		if !drops && w.published {
			return take
		}
		if w.state.abandon() {
			w.gaveUp = true
			return nil
		}
		return take
	}
}

// ready reports whether an actor can continue: the adopter has not begun too early, and does not take what is not published.
func (w *model) ready(actor, steps int) bool {
	if actor != adopting {
		return true
	}
	if steps == 0 {
		return w.handOffs > 0 || w.back && len(w.results) == 0 && w.published
	}
	return w.published
}

const (
	calling = iota
	timing
	adopting
	actors
)

// Every interleaving of the steps of a caller, its timer and who adopts the call: exactly one of them gets the result, the
// caller's place is given away once where it does not come back and never where it does, and nobody waits for ever.
func TestEveryInterleavingGivesTheResultToOne(t *testing.T) {
	runs := 0
	for _, end := range []string{succeeds, fails, vanishes} {
		for _, drops := range []bool{false, true} {
			runs += explore(t, fmt.Sprintf("call %s, dropped %t", end, drops), [actors]step{caller(end), timer, adopter(drops)})
		}
	}
	if runs < 60 {
		t.Errorf("%d interleavings, want all of them", runs)
	}
}

// explore runs every schedule, each anew from the start, and returns how many there are.
func explore(t *testing.T, name string, begin [actors]step) (runs int) {
	t.Helper()
	var walk func(schedule []int)
	walk = func(schedule []int) {
		w, at, taken := &model{}, begin, [actors]int{}
		for _, actor := range schedule {
			at[actor] = at[actor](w)
			taken[actor]++
		}
		stuck := true
		for actor := range actors {
			if at[actor] != nil && w.ready(actor, taken[actor]) {
				stuck = false
				walk(append(slices.Clone(schedule), actor))
			}
		}
		if stuck {
			runs++
			w.check(t, fmt.Sprintf("%s, schedule %v", name, schedule), at[adopting] != nil && taken[adopting] > 0)
		}
	}
	walk(nil)
	return runs
}

func (w *model) check(t *testing.T, run string, waits bool) {
	t.Helper()
	if len(w.results) != 1 {
		t.Errorf("%s: the result went to %v, want one", run, w.results)
	}
	if w.back == w.over {
		t.Errorf("%s: the caller is back: %t, its goroutine has ended: %t", run, w.back, w.over)
	}
	if want := map[bool]int{true: 0, false: 1}[w.back]; w.handOffs != want {
		t.Errorf("%s: its place was given away %d times, want %d", run, w.handOffs, want)
	}
	if waits {
		t.Errorf("%s: who adopts it waits for ever", run)
	}
	if w.gaveUp && w.results[0] != "late" {
		t.Errorf("%s: it was given up, and the result went to %v", run, w.results)
	}
}
