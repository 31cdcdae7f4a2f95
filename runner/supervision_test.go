package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// [E2] Killed at the first look after the time of a heartbeat, not before; a sign begins it anew.
func TestSilentProcessIsKilledAfterTheTimeOfAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := runner.NewVitals(20 * time.Second)
		look := time.NewTicker(v.Every())
		defer look.Stop()
		until := func() time.Duration {
			began := time.Now()
			for range 1000 {
				<-look.C
				if v.Look() {
					return time.Since(began)
				}
			}
			t.Fatal("never killed")
			return 0
		}
		v.Sign()
		if got := until(); got != 22*time.Second {
			t.Errorf("killed after %s, want 20 s to be over and the next look to come", got)
		}
		v.Sign()
		if got := until(); got != 22*time.Second {
			t.Errorf("killed %s after another sign, want the same", got)
		}
	})
}

// [E2] One that has not come to Manager.Run has a minute for it, or the time of a heartbeat.
func TestProcessHasAMinuteToBegin(t *testing.T) {
	for heartbeat, want := range map[time.Duration]int{time.Second: 600, 30 * time.Second: 20, time.Hour: 10} {
		v, looks := runner.NewVitals(heartbeat), 0
		for looks <= want && !v.Look() {
			looks++
		}
		if looks != want {
			t.Errorf("heartbeat %s: killed after %d looks, want %d", heartbeat, looks, want)
		}
	}
}

// A supervisor that was stopped itself finds one tick of its clock, however long that was.
func TestSupervisorThatWasStoppedDoesNotKillForIt(t *testing.T) {
	v := runner.NewVitals(time.Second)
	v.Sign()
	if v.Look() {
		t.Error("killed after one look")
	}
}

// [E2] 0.5 s, doubling; what brought a transaction to its end does not count as one of a crash loop, what only fetched does.
func TestDeathsInARowAreBounded(t *testing.T) {
	barren := runner.Snapshot{Fetched: 5, Started: 5}
	fruitful := runner.Snapshot{Outcomes: map[runner.Outcome]int64{runner.DeadLettered: 1}}
	sound := runner.Snapshot{Elapsed: time.Minute, Phases: map[policy.Phase]runner.PhaseStats{policy.PhaseFetch: {Count: 2}}}
	const half = 500 * time.Millisecond
	for name, c := range map[string]struct {
		lives   []runner.Snapshot
		want    []time.Duration
		givenUp bool
	}{
		"barren": {[]runner.Snapshot{barren, barren, barren}, []time.Duration{half, 2 * half}, true},
		"fruitful in a row": {
			[]runner.Snapshot{fruitful, fruitful, fruitful, fruitful}, []time.Duration{half, 2 * half, 4 * half, 8 * half}, false,
		},
		"one in between": {
			[]runner.Snapshot{barren, barren, fruitful, barren, barren},
			[]time.Duration{half, 2 * half, 4 * half, 8 * half, 16 * half},
			false,
		},
		"a minute of idling": {[]runner.Snapshot{barren, barren, sound, barren}, []time.Duration{half, 2 * half, half, 2 * half}, false},
	} {
		got, givenUp := runner.Deaths(3, c.lives...)
		if !slices.Equal(got, c.want) || givenUp != c.givenUp {
			t.Errorf("%s: got %v, given up %v; want %v, %v", name, got, givenUp, c.want, c.givenUp)
		}
	}
}

// [E3] With the defaults the tree is gone, and its telemetry flushed, within the 45 s that a single process has.
func TestTreeHasOneDeadline(t *testing.T) {
	orderly, forced := runner.TreeBudgets(policy.DefaultShutdown())
	if orderly != 44*time.Second || forced != 8*time.Second {
		t.Errorf("got %s and %s, want 44 s, with one second to flush after it, and 8 s", orderly, forced)
	}
}

// [E4] Errors keep what they are on their way out of a process: what they wrap, where that is looked for, and their exit code.
func TestErrorsOfWorkerProcessesKeepWhatTheyAre(t *testing.T) {
	cause := errors.New("stopped")
	for name, c := range map[string]struct {
		err  error
		is   error
		code int
	}{
		"anything":          {errBroken, nil, 1},
		"a loop timeout":    {fmt.Errorf("%w of 1s", ergon.ErrLoopTimeout), ergon.ErrLoopTimeout, 1},
		"the headroom":      {fmt.Errorf("%w: 3", runner.ErrHeadroom), runner.ErrHeadroom, 1},
		"what is unsettled": {runner.ErrUnsettled, runner.ErrUnsettled, 1},
		"usage":             {fmt.Errorf("%w: no", runner.ErrUsage), runner.ErrUsage, 2},
		"an interruption":   {ergon.ErrInterrupted, ergon.ErrInterrupted, 0},
		"a cancellation":    {context.Canceled, context.Canceled, 0},
	} {
		got := runner.Transported(c.err, cause)
		if len(got) != 1 || got[0].Error() != c.err.Error() || c.is != nil && !errors.Is(got[0], c.is) {
			t.Errorf("%s: got %v, want %v", name, got, c.err)
		}
		if want := max(c.code, runner.ExitCode(c.err)); runner.ExitCode(errors.Join(got...)) != want {
			t.Errorf("%s: got exit code %d, want %d", name, runner.ExitCode(errors.Join(got...)), want)
		}
	}
	got := runner.Transported(errors.Join(&runner.ConfigError{Task: "triage", Err: errBroken}, cause), cause)
	if _, ok := errors.AsType[*runner.ConfigError](got[0]); !ok || len(got) != 2 || got[0].Error() != `task "triage": `+errBroken.Error() {
		t.Errorf("got %v, want the fault of the configuration first", got)
	}
	if got := runner.Transported(nil, cause); len(got) > 0 {
		t.Errorf("got %v of no error", got)
	}
}

func TestLinesOfWorkerProcessesNameTheirWorker(t *testing.T) {
	for line, want := range map[string]string{
		"panic: no\n":                   "crew-1: panic: no\n",
		"\n":                            "crew-1: \n",
		"time=12:00 level=INFO msg=a\n": "time=12:00 level=INFO msg=a worker=crew-1\n",
		"time=12:00 msg=a worker=crew-1 task=c\n": "time=12:00 msg=a worker=crew-1 task=c\n",
		`{"time":"12:00","msg":"a"}` + "\n":       `{"worker":"crew-1","time":"12:00","msg":"a"}` + "\n",
		`{"msg":"a","worker":"crew-1"}` + "\n":    `{"msg":"a","worker":"crew-1"}` + "\n",
		`{"msg":"a"} and more` + "\n":             `crew-1: {"msg":"a"} and more` + "\n",
		`{}` + "\n":                               "crew-1: {}\n",
	} {
		if got := runner.NamedLine(line, "crew-1"); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
