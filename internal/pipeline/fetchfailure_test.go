package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

var errDown = errors.New("the broker is down")

// [L6] What was fetched runs to its end, also what waits, and is settled; then the loop ends with the error of the fetch.
func TestFetchThatFailsForGoodEndsTheLoopAfterDraining(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newTimedRig(seconds(10, 1, 20)...)
			broken := memory.WithFaults(r.Queue, memory.Fail(memory.OnFetch, errDown).At(2).Always())
			r.Source = &spy{settlingSource: broken, journal: j}
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Streaming = streaming
			r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch = 2, 1
			r.start(t.Context(), t)
			err := r.wait()
			failed, ok := errors.AsType[*pipeline.FetchError](err)
			if !errors.Is(err, errDown) || !ok || failed.Connector != "input" || !strings.Contains(err.Error(), `"input"`) {
				t.Errorf("got error %v, want a FetchError that names the connector and the cause", err)
			}
			j.want(t,
				"0s fetch 3: 0 1 2",
				"1s fetch 1:", "1.005s settle 1 ack", "1.2s fetch 1:", "1.6s fetch 1:", // three attempts
				"10.005s settle 0 ack", "21s settle 2 ack",
			)
			if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 3 {
				t.Errorf("got %d succeeded, want 3", got)
			}
		})
	}
}

// [L6] A fetch that fails before its last attempt heals.
func TestFetchIsRetried(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, memory.Fail(memory.OnFetch, errDown).Times(2)), journal: j}
		shape(r)
		r.Policy.Loop.Batch.Size = 1
		r.run(t)
		j.wantFound(t, "600ms fetch 1: a", "600ms settle a ack")
	})
}

// [L6, R2] A source that panics has failed like any other.
func TestFetchThatPanicsEndsTheLoop(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		r := newRig(timed())
		shape(r)
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) { panic(errDown) })
		r.withDeadLetters(dispatchFunc(nil))
		r.start(t.Context(), t)
		err := r.wait()
		failed, ok := errors.AsType[*ergon.TransactionError](err)
		if !errors.Is(err, errDown) || !ok || failed.Category != ergon.CategorySystem || failed.Attempts != 3 {
			t.Errorf("got error %v, want a SYSTEM failure after 3 attempts", err)
		}
	})
}

// [L6, T1] A fetch that never answers is given up at its timeout.
func TestFetchThatNeverAnswersEndsTheLoop(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(timed())
		shape(r)
		over := make(chan struct{})
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			<-over
			return nil, nil
		})
		r.withDeadLetters(dispatchFunc(nil))
		r.Policy.Fetch.Retry = retrying(2, 10*time.Second, time.Second).Retry
		r.start(t.Context(), t)
		err := r.wait()
		if !errors.Is(err, ergon.ErrAttemptTimeout) || ergon.CategoryOf(err) != ergon.CategoryTimeout {
			t.Errorf("got error %v, want an attempt timeout", err)
		}
		j.note("end")
		j.want(t, "21s end")
		close(over)
	})
}

// [L6, E3] A shutdown while what was fetched drains does not hide why the loop was about to end.
func TestShutdownWhileDrainingKeepsTheFetchError(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newTimedRig(seconds(10)...)
		r.Source = memory.WithFaults(r.Queue, memory.Fail(memory.OnFetch, errDown).At(2).Always())
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 2
		err := r.runFor(t, 5*time.Second)
		if !errors.Is(err, errStopped) || !errors.Is(err, errDown) {
			t.Errorf("got error %v, want both the end of the context and the fetch's error", err)
		}
	})
}
