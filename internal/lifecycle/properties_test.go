package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// step is one call of Next.
type step struct {
	from   lifecycle.State
	event  lifecycle.Event
	to     lifecycle.State
	action lifecycle.Action
}

// life is what became of one transaction, and of the events after its end.
type life []step

// properties hold for every life, whatever its plan and its events.
var properties = []struct {
	name  string
	holds func(lifecycle.Plan, life) bool
}{
	{"it ends within the sum of attempts", func(p lifecycle.Plan, l life) bool {
		return l[maxSteps(p)-1].ended()
	}},
	{"attempts are counted from 1 and never exceed the plan", func(p lifecycle.Plan, l life) bool {
		var ran [lifecycle.Phases]int
		for _, s := range l {
			if s.from.Outcome != lifecycle.Pending {
				continue
			}
			ran[s.from.Phase]++
			if int(s.from.Attempt) != ran[s.from.Phase] || ran[s.from.Phase] > p.Attempts[s.from.Phase] {
				return false
			}
		}
		return true
	}},
	{"[P2] no phase is entered again, so process never runs after success began", everyStep(func(_ lifecycle.Plan, s step) bool {
		return s.to.Phase >= s.from.Phase
	})},
	{"a phase without a handler is never entered", everyStep(func(p lifecycle.Plan, s step) bool {
		return (s.to.Phase != lifecycle.Prepare || p.HasPrepare) && (s.to.Phase != lifecycle.Success || p.HasSuccess) &&
			(s.to.Phase != lifecycle.Exception || p.HasException)
	})},
	{"[P2] the failed phase is the one that the transaction left for good by failing", everyStep(func(_ lifecycle.Plan, s step) bool {
		fails := s.from.Outcome == lifecycle.Pending && s.from.Phase != lifecycle.Exception &&
			(s.to.Phase == lifecycle.Exception || s.to.Outcome == lifecycle.Failed)
		if fails {
			return s.to.FailedPhase == s.from.Phase
		}
		return s.to.FailedPhase == s.from.FailedPhase
	})},
	{"the action says whether the phase goes on, changes or was the last", everyStep(func(_ lifecycle.Plan, s step) bool {
		switch {
		case s.ended():
			return s.action == lifecycle.Finish
		case s.to.Phase == s.from.Phase:
			return s.action == lifecycle.Retry
		default:
			return s.action == lifecycle.Run
		}
	})},
	{"[R2] business and permanent failures are never retried", whenPending(func(_ lifecycle.Plan, s step) bool {
		refused := s.event == lifecycle.Business || s.event == lifecycle.Permanent
		return !refused || s.ended() || s.to.Phase > s.from.Phase
	})},
	{"[T3] out of time never ends it without the exception phase where there is a handler", whenPending(func(p lifecycle.Plan, s step) bool {
		return s.event != lifecycle.OutOfTime || !p.HasException || s.to.Phase == lifecycle.Exception
	})},
	{"only an attempt that was ok succeeds, and never in the exception phase", whenPending(func(p lifecycle.Plan, s step) bool {
		wants := s.event == lifecycle.OK &&
			(s.from.Phase == lifecycle.Success || s.from.Phase == lifecycle.Prepare && !p.HasSuccess ||
				s.from.Phase == lifecycle.Process && !p.HasPrepare && !p.HasSuccess)
		return (s.to.Outcome == lifecycle.Succeeded) == wants
	})},
	{"[B3] a hybrid never succeeds without having prepared", whenPending(func(p lifecycle.Plan, s step) bool {
		return !p.HasPrepare || s.from.Phase != lifecycle.Process ||
			s.to.Phase != lifecycle.Success && s.to.Outcome != lifecycle.Succeeded
	})},
	{"a failure skips no exception handler", whenPending(func(p lifecycle.Plan, s step) bool {
		return s.to.Outcome != lifecycle.Failed || !p.HasException || s.from.Phase == lifecycle.Exception
	})},
	{"[P3] the exception phase ends as failed if ok, as handler_failed if not", whenPending(func(_ lifecycle.Plan, s step) bool {
		switch {
		case s.from.Phase != lifecycle.Exception:
			return s.to.Outcome != lifecycle.HandlerFailed
		case s.event == lifecycle.OK:
			return s.to.Outcome == lifecycle.Failed
		default:
			return s.to.Outcome != lifecycle.Failed
		}
	})},
	{"[P4] shutdown releases, and nothing else does", whenPending(func(_ lifecycle.Plan, s step) bool {
		return (s.to.Outcome == lifecycle.Released) == (s.event == lifecycle.Interrupted)
	})},
	{"[S3] a lost lease is redelivered, and nothing else is", whenPending(func(_ lifecycle.Plan, s step) bool {
		return (s.to.Outcome == lifecycle.Redelivered) == (s.event == lifecycle.LeaseLost)
	})},
	{"an ended state never changes", everyStep(func(_ lifecycle.Plan, s step) bool {
		return s.from.Outcome == lifecycle.Pending || s.to == s.from
	})},
}

func TestRandomLivesKeepEveryProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		plan := planOf(random.Uint32())
		events := make([]byte, maxSteps(plan)+3)
		for i := range events {
			events[i] = byte(random.Uint32())
		}
		checkLife(t, plan, events)
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add(uint32(0xff), []byte{})
	f.Add(uint32(0xff), []byte{byte(lifecycle.OK), byte(lifecycle.OutOfTime), byte(lifecycle.OK), byte(lifecycle.Business)})
	f.Add(uint32(0x40), []byte{byte(lifecycle.Timeout), byte(lifecycle.Interrupted), byte(lifecycle.OK)})
	f.Fuzz(func(t *testing.T, plan uint32, events []byte) { checkLife(t, planOf(plan), events) })
}

// planOf makes a plan of any bits: two for the attempts of each phase, 1 to 4, and one for each handler.
func planOf(bits uint32) lifecycle.Plan {
	return lifecycle.Plan{
		Attempts:     [lifecycle.Phases]int{1 + int(bits&3), 1 + int(bits>>9&3), 1 + int(bits>>2&3), 1 + int(bits>>4&3)},
		HasPrepare:   bits>>8&1 == 1,
		HasSuccess:   bits>>6&1 == 1,
		HasException: bits>>7&1 == 1,
	}
}

// checkLife lives through events and then, so that it is seen to end, through failures that are retried.
func checkLife(t *testing.T, plan lifecycle.Plan, events []byte) {
	t.Helper()
	var lived life
	state := lifecycle.Start()
	for i := range max(len(events), maxSteps(plan)) {
		event := lifecycle.System
		if i < len(events) {
			event = lifecycle.Event(events[i]) % (lifecycle.LeaseLost + 1)
		}
		next, action := lifecycle.Next(state, event, plan)
		lived = append(lived, step{state, event, next, action})
		state = next
	}
	for _, property := range properties {
		if !property.holds(plan, lived) {
			t.Fatalf("not so: %s\nplan %+v\n%v", property.name, plan, lived)
		}
	}
}

func maxSteps(p lifecycle.Plan) int {
	return p.Attempts[0] + p.Attempts[1] + p.Attempts[2] + p.Attempts[3]
}

func everyStep(holds func(lifecycle.Plan, step) bool) func(lifecycle.Plan, life) bool {
	return func(p lifecycle.Plan, l life) bool {
		return !slices.ContainsFunc(l, func(s step) bool { return !holds(p, s) })
	}
}

// whenPending is everyStep until the end.
func whenPending(holds func(lifecycle.Plan, step) bool) func(lifecycle.Plan, life) bool {
	return everyStep(func(p lifecycle.Plan, s step) bool { return s.from.Outcome != lifecycle.Pending || holds(p, s) })
}

func (s step) ended() bool { return s.to.Outcome != lifecycle.Pending }

func (l life) String() string {
	var b strings.Builder
	for _, s := range l {
		fmt.Fprintf(&b, "%+v, %v: %v %+v\n", s.from, s.event, s.action, s.to)
	}
	return b.String()
}
