package attempt

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// world is one run of a model: an attempt, and what became of its work. Actors take steps, each of which is one access of a word that
// they share; the words are those of the package.
type model struct {
	Attempt

	owners   []string // who went on with the work
	results  []string // where the function's result went
	given    int      // how many given up have not come back: what the headroom counts [T2]
	stuck    bool     // it was reported as stuck
	told     int      // words to the caller that it has not taken
	waits    bool     // the caller waits for a word
	released bool     // the caller's waiter may be used for another call
	asked    *State   // of somebody who waits for the end of the context
	touched  bool     // the waiter was used after it was released
}

// step does one step, and returns the next of its actor; nil for none.
type step func(w *model) step

// actor is one goroutine of a model. It begins at any moment, and continues when it is ready; nil: always.
type actor struct {
	name  string
	begin step
	ready func(w *model) bool
}

// explore runs every interleaving of the actors' steps, each from the start, and returns how many there are.
func explore(check func(w *model, schedule []string), actors ...actor) (runs int) {
	var walk func(schedule []int)
	walk = func(schedule []int) {
		w, at := &model{}, make([]step, len(actors))
		var names []string
		for i, a := range actors {
			at[i] = a.begin
		}
		for _, i := range schedule {
			at[i] = at[i](w)
			names = append(names, actors[i].name)
		}
		over := true
		for i, a := range actors {
			if at[i] != nil && (a.ready == nil || a.ready(w)) {
				over = false
				walk(append(slices.Clone(schedule), i))
			}
		}
		if over {
			runs++
			check(w, names)
		}
	}
	walk(nil)
	return runs
}

func (w *model) own(who string) { w.owners = append(w.owners, who) }

func (w *model) result(to string) { w.results = append(w.results, to) }

// worker calls the function itself. It comes back at any moment.
func worker(w *model) step {
	if w.Return() {
		w.own("worker")
		w.result("worker")
		return func(w *model) step { w.Finish(); return nil }
	}
	return func(w *model) step {
		w.ReturnLate()
		return func(w *model) step {
			w.given--
			w.result("late")
			return nil
		}
	}
}

// taker is a watchdog or a shutdown: it sees that nobody has decided, decides, ends the context and counts.
func taker(who string, take func(*Owner) bool) step {
	return func(w *model) step {
		if !w.Running() {
			return nil
		}
		return func(w *model) step {
			if !take(&w.Owner) {
				return nil
			}
			w.own(who)
			return func(w *model) step {
				w.End(context.DeadlineExceeded, nil)
				return func(w *model) step { w.given++; return nil }
			}
		}
	}
}

// canceller ends the context of what runs, as an interrupt does.
func canceller(w *model) step { w.End(context.Canceled, nil); return nil }

// observer is the function, or what it has started: it asks for the end of the context, even after the function has returned.
func observer(w *model) step {
	w.asked = w.made()
	return func(w *model) step { w.endLate(w.asked); return nil }
}

// stuckCheck looks later at what was given up.
func stuckCheck(w *model) step {
	if w.GivenUp() && !w.ReturnedLate() {
		w.stuck = true
	}
	return nil
}

// [T1] [T2] Whatever the order in which the worker comes back, the deadline passes, a shutdown abandons, handlers are cancelled and
// somebody asks for the end of the context: one of them owns the work, the result goes to one place, the headroom gets back what it
// gave, and nobody waits for a context that does not end.
func TestEveryInterleavingHasOneOwner(t *testing.T) {
	runs := explore(
		func(w *model, schedule []string) {
			if t.Failed() {
				return // the first says enough
			}
			inTime := len(w.owners) == 1 && w.owners[0] == "worker"
			if len(w.owners) != 1 || w.Running() {
				t.Errorf("%v: it belongs to %v, want one", schedule, w.owners)
			}
			if want := map[bool]string{true: "worker", false: "late"}[inTime]; len(w.results) != 1 || w.results[0] != want {
				t.Errorf("%v: the result went to %v, want %s", schedule, w.results, want)
			}
			if w.given != 0 {
				t.Errorf("%v: %d count as given up after all have come back", schedule, w.given)
			}
			if w.Returned() != inTime || w.GivenUp() == inTime || w.ReturnedLate() == inTime {
				t.Errorf("%v: returned %t, given up %t, come back %t", schedule, w.Returned(), w.GivenUp(), w.ReturnedLate())
			}
			if inTime && w.stuck {
				t.Errorf("%v: what was in time is reported as stuck", schedule)
			}
			if w.asked.ended() == nil || w.Err() == nil {
				t.Errorf("%v: who waits for the end of the context waits for ever", schedule)
			}
		},
		actor{"worker", worker, nil}, actor{"watchdog", taker("watchdog", (*Owner).Expire), nil},
		actor{"shutdown", taker("shutdown", (*Owner).Abandon), nil}, actor{"observer", observer, nil}, actor{"stuck check", stuckCheck, nil},
	)
	if runs < 1000 {
		t.Errorf("%d interleavings, want all of them", runs)
	}
}

// A cancellation decides nothing, and the first end of a context stays.
func TestEveryInterleavingKeepsTheFirstEnd(t *testing.T) {
	first := func(w *model, schedule []string) {
		if t.Failed() {
			return
		}
		cancelled := slices.Index(schedule, "canceller")
		if err := w.Err(); err == nil || len(w.owners) != 1 {
			t.Errorf("%v: ended with %v, owned by %v", schedule, err, w.owners)
		}
		ends := 0
		for i, name := range schedule {
			if name == "watchdog" {
				ends++
			}
			if ends == 3 && // its third step ends the context
				len(w.owners) == 1 && w.owners[0] == "watchdog" {
				want := map[bool]error{true: context.Canceled, false: context.DeadlineExceeded}[cancelled < i]
				if err := w.asked.ended(); !errors.Is(err, want) {
					t.Errorf("%v: ended with %v, want %v", schedule, err, want)
				}
				return
			}
		}
	}
	explore(first, actor{"worker", worker, nil}, actor{"watchdog", taker("watchdog", (*Owner).Expire), nil},
		actor{"canceller", canceller, nil}, actor{"observer", observer, nil})
}

// function is the goroutine of a Call, as Deliver has it.
func function(inTime bool) step {
	late := func(w *model) step {
		w.ReturnLate()
		w.result("late")
		return nil
	}
	return func(w *model) step {
		switch {
		case inTime && w.Return():
			w.result("caller")
			return func(w *model) step { w.tell(); return nil }
		case !inTime && w.Expire():
			return func(w *model) step { w.tell(); return late }
		}
		return late
	}
}

func (w *model) tell() {
	w.told++
	w.touched = w.touched || w.released
}

// timer is the scan of a waiter's alarm at the deadline.
func timer(w *model) step {
	if !w.Running() {
		return nil
	}
	return func(w *model) step {
		if !w.Expire() {
			return nil
		}
		return func(w *model) step { w.tell(); return nil }
	}
}

// caller is Wait: it takes a word, or finds that its context has ended.
func caller(w *model) step {
	take := func(w *model) step {
		w.told--
		w.released = true
		if w.Returned() {
			w.own("caller, with the result")
		} else {
			w.own("caller, without")
		}
		return nil
	}
	if w.told > 0 {
		return take(w)
	}
	if w.Abandon() { // its context has ended
		w.released = true
		w.own("caller, without")
		return nil
	}
	w.waits = true
	return take
}

// [T1] Whatever the order in which a function comes back, its deadline passes and its caller's context ends: the caller leaves, its
// waiter has no word left for the next call and hears nothing of this one, and the result goes to the caller if and only if it takes it.
func TestEveryInterleavingLeavesTheWaiterFree(t *testing.T) {
	runs := 0
	for _, inTime := range []bool{true, false} {
		runs += explore(
			func(w *model, schedule []string) {
				if t.Failed() {
					return
				}
				if len(w.owners) != 1 || !w.released {
					t.Errorf("%v: the caller waits for ever", schedule)
					return
				}
				if w.told != 0 || w.touched {
					t.Errorf("%v: %d words are left for the next call; told after that had begun: %t", schedule, w.told, w.touched)
				}
				want := map[bool]string{true: "caller", false: "late"}[w.owners[0] == "caller, with the result"]
				if len(w.results) != 1 || w.results[0] != want {
					t.Errorf("%v: the result went to %v, want %s", schedule, w.results, want)
				}
			},
			actor{"function", function(inTime), nil}, actor{"timer", timer, nil},
			actor{"caller", caller, func(w *model) bool { return !w.waits || w.told > 0 }},
		)
	}
	if runs < 50 {
		t.Errorf("%d interleavings, want all of them", runs)
	}
}
