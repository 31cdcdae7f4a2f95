package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// bringing is a source whose fetches bring, one after the other, as many transactions as brings says, and then nothing any
// more. It notes what it was asked for.
func bringing(brings []int, asked *[]int) fetchFunc {
	return func(_ context.Context, limit int) ([]ergon.Transaction, error) {
		*asked = append(*asked, limit)
		if len(*asked) > len(brings) {
			return nil, ergon.ErrExhausted
		}
		return transactionsOf(numbered(min(brings[len(*asked)-1], limit))...), nil
	}
}

// [L4] The size doubles while fetches come back full and halves when they come back less than half full, within its bounds.
func TestBatchSizeAdapts(t *testing.T) {
	const full = 1000
	for _, test := range []struct {
		name           string
		size, min, max int
		brings, want   []int
	}{
		{"grows up to the most", 4, 2, 20, []int{full, full, full, full}, []int{4, 8, 16, 20, 20}},
		{"shrinks down to the least", 16, 3, 16, []int{1, 1, 1, 1, 1}, []int{16, 8, 4, 3, 3, 3}},
		{"stays where a fetch is half full", 8, 2, 16, []int{4, 7}, []int{8, 8, 8}},
		{"shrinks where it is less than half full", 8, 2, 16, []int{3}, []int{8, 4}},
		{"goes both ways", 4, 1, 16, []int{full, 2, full, 8, 1}, []int{4, 8, 4, 8, 16, 8}[:6]},
		{"is fixed without bounds", 8, 0, 0, []int{full, 1, full}, []int{8, 8, 8, 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				var asked []int
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
				r.Source = bringing(test.brings, &asked)
				shape(r)
				r.withDeadLetters(dispatchFunc(nil))
				b := &r.Policy.Loop.Batch
				b.Size, b.MinSize, b.MaxSize = test.size, test.min, test.max
				b.Interval = time.Second // so that all slots are free again
				r.Policy.Loop.Concurrency.Value = 32
				r.run(t)
				if !slices.Equal(asked, test.want) {
					t.Errorf("got fetches of %v, want %v", asked, test.want)
				}
			})
		})
	}
}

// [L4] A fetch that asked for less than the size because few slots were free says nothing about the source.
func TestBatchSizeStaysWhereSlotsAreScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
		r.Source = bringing([]int{1, 1, 1}, &asked)
		r.withDeadLetters(dispatchFunc(nil))
		b := &r.Policy.Loop.Batch
		b.Size, b.MinSize, b.MaxSize, b.Interval = 8, 2, 16, time.Second
		r.Policy.Loop.Concurrency.Value = 4
		r.run(t)
		if want := []int{4, 4, 4, 4}; !slices.Equal(asked, want) {
			t.Errorf("got fetches of %v, want %v", asked, want)
		}
	})
}

// [L4] batch.interval is the least pause between the starts of two fetches; one that is due later anyway does not wait.
func TestIntervalIsTheLeastPauseBetweenFetches(t *testing.T) {
	for _, test := range []struct {
		takes time.Duration
		want  []string
	}{
		{300 * time.Millisecond, []string{"0s fetch 2: 0 1", "1s fetch 2: 2 3", "2s fetch 2: 4 5"}},
		{time.Second, []string{"0s fetch 2: 0 1", "1s fetch 2: 2 3", "2s fetch 2: 4 5"}},
		{2500 * time.Millisecond, []string{"0s fetch 2: 0 1", "2.5s fetch 2: 2 3", "5s fetch 2: 4 5"}},
	} {
		t.Run(test.takes.String(), func(t *testing.T) {
			for _, execution := range []policy.Execution{policy.ExecutionAsync, policy.ExecutionSync} {
				synctest.Test(t, func(t *testing.T) {
					j := newJournal()
					r := newTimedRig(slices.Repeat([]time.Duration{test.takes}, 6)...)
					r.spyOnFetches(j)
					r.Policy.Loop.Execution, r.Policy.Loop.Mode = execution, policy.ModeBatch
					r.Policy.Loop.Batch.Size, r.Policy.Loop.Batch.Interval = 2, time.Second
					r.run(t)
					j.wantFound(t, test.want...)
				})
			}
		})
	}
}

// [L4] In continuous mode slots that become free wait for the interval, and are filled together.
func TestIntervalHoldsBackRefills(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(0.2, 0.6, 0.7, 5, 1, 1, 1)...)
		r.spyOnFetches(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 4
		r.Policy.Loop.Batch.Interval = time.Second
		r.run(t)
		j.wantFound(t, "0s fetch 4: 0 1 2 3", "1s fetch 3: 4 5 6")
	})
}

// [L4] The pause counts from the start of a fetch, however long it took.
func TestIntervalCountsFromTheStartOfAFetch(t *testing.T) {
	for _, test := range []struct{ takes, want time.Duration }{
		{700 * time.Millisecond, 2*time.Second + 700*time.Millisecond},
		{1500 * time.Millisecond, 4500 * time.Millisecond},
	} {
		t.Run(test.takes.String(), func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				began := time.Now()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
				calls := 0
				r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
					time.Sleep(test.takes)
					calls++
					if calls == 3 {
						return nil, ergon.ErrExhausted
					}
					return transactionsOf("a"), nil
				})
				shape(r)
				r.withDeadLetters(dispatchFunc(nil))
				r.Policy.Loop.Batch.Interval = time.Second
				r.run(t)
				if took := time.Since(began); took != test.want {
					t.Errorf("three fetches took %s, want %s", took, test.want)
				}
			})
		})
	}
}
