package coalesce_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// [B2] A connector that names an item outside of the batch has failed for everybody who shares the call: each dispatches again, and
// is told what the connector did.
func TestFailureOfAnItemOutsideOfTheCallIsNobodysSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, func(batch []ergon.Transaction) error {
			if batch[0].ID() == "good" {
				return nil
			}
			return &ergon.BatchError{Failures: map[int]error{7: errScripted}}
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		alone, one, two := after(o, 0, "a"), after(o, 1, "b"), after(o, 2, "c", "d")
		good := after(o, time.Hour, "good")
		for name, c := range map[string]struct {
			got  <-chan error
			want string
		}{
			"alone": {alone, "the connector reported a failure for item 7 of 1: scripted failure"},
			"one":   {one, "the connector reported a failure for item 7 of 1: scripted failure"},
			"two":   {two, "the connector reported a failure for item 7 of 2: scripted failure"},
		} {
			err := <-c.got
			if _, partial := errors.AsType[*ergon.BatchError](err); err == nil || partial || err.Error() != c.want {
				t.Errorf("%s was told %v, want %q", name, err, c.want)
			}
		}
		if err := <-good; err != nil {
			t.Errorf("a dispatch that succeeded was told %v", err)
		}
		if got := j.all(); len(got) != 5 || got[1] != "1s b c d" {
			t.Errorf("got the calls %q, want those who shared a call to dispatch again", got)
		}
	})
}
