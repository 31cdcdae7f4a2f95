package energy_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

const reports = 2000

var errPatience = errors.New("no patience left")

// ask asks about a report until it is answered, with a second of patience each time, and returns how that went, such as
// "unavailable; answered".
func ask(t *testing.T, service *energy.Service, report int) string {
	t.Helper()
	var story string
	for range 5 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errPatience)
		began := time.Now()
		_, err := service.Estimate(ctx, energy.Impact{Report: fmt.Sprintf("strikes.csv:%d", report), Size: energy.Small, Knots: 100})
		cancel()
		switch took := time.Since(began); {
		case err == nil && took == 0:
			return story + "answered"
		case errors.Is(err, energy.ErrUnavailable) && took == 0:
			story += "unavailable; "
		case errors.Is(err, errPatience) && took == time.Second:
			story += "hanging; "
		default:
			t.Fatalf("report %d: got %v after %s", report, err, took)
		}
	}
	t.Fatalf("report %d is not answered at the fifth time: %s", report, story)
	return ""
}

// stories asks about all reports, in the order and side by side as said, and returns how each went.
func stories(t *testing.T, faults energy.Faults, order []int, atOnce int) map[int]string {
	t.Helper()
	all := map[int]string{}
	synctest.Test(t, func(t *testing.T) {
		service := energy.NewService(faults)
		var mu sync.Mutex
		var askers sync.WaitGroup
		for chunk := range slices.Chunk(order, len(order)/atOnce) {
			askers.Go(func() {
				for _, report := range chunk {
					story := ask(t, service, report)
					mu.Lock()
					all[report] = story
					mu.Unlock()
				}
			})
		}
		askers.Wait()
	})
	return all
}

func inOrder() []int {
	order := make([]int, reports)
	for i := range order {
		order[i] = i
	}
	return order
}

func TestFaultsDependOnTheSeedAndTheReportAlone(t *testing.T) {
	faults := energy.Faults{Seed: 7, Unavailable: 0.1, Hanging: 0.05}
	first := stories(t, faults, inOrder(), 1)
	backwards := inOrder()
	slices.Reverse(backwards)
	if diff := cmp.Diff(first, stories(t, faults, backwards, 8)); diff != "" {
		t.Errorf("asked in another order, side by side:\n%s", diff)
	}
	faults.Seed++
	if maps.Equal(first, stories(t, faults, inOrder(), 1)) {
		t.Error("another seed makes the same faults")
	}
}

func TestFaultsAreAsManyAsTheirShares(t *testing.T) {
	counts := map[string]int{}
	for _, story := range stories(t, energy.Faults{Seed: 7, Unavailable: 0.1, Hanging: 0.05}, inOrder(), 1) {
		counts[story]++
	}
	for story, want := range map[string]int{
		"answered": 1700, "unavailable; answered": 100, "hanging; answered": 100,
		"unavailable; unavailable; answered": 100, //nolint:dupword // it happens twice
	} {
		if got := counts[story]; got < want*3/4 || got > want*5/4 {
			t.Errorf("%s: %d of %d reports, want about %d", story, got, reports, want)
		}
		delete(counts, story)
	}
	if len(counts) > 0 {
		t.Errorf("unexpected: %v", counts)
	}
}

func TestReportThatIsAskedAboutAgainLaterFailsInTheSameWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := energy.NewService(energy.Faults{Unavailable: 1})
		if first, again := ask(t, service, 1), ask(t, service, 1); first != again {
			t.Errorf("got %q, then %q; want the same", first, again)
		}
	})
}

func TestServiceWithoutFaultsAlwaysAnswers(t *testing.T) {
	for report, story := range stories(t, energy.Faults{}, inOrder(), 8) {
		if story != "answered" {
			t.Errorf("report %d: %s", report, story)
		}
	}
}
