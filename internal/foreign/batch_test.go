package foreign_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
)

// [F1] A connector that names an item outside of the batch broke its contract: the whole call has failed, and no item's error decides.
func TestFailureOfAnItemOutsideOfTheBatchFailsTheWholeCall(t *testing.T) {
	const n, reported = 3, "the connector reported a failure for item "
	for name, c := range map[string]struct {
		failures map[int]error
		want     string // "" for a batch error that is fine
	}{
		"the last item":         {map[int]error{2: errors.New("boom")}, ""},
		"one behind":            {map[int]error{3: errors.New("boom")}, reported + "3 of 3: boom"},
		"far behind":            {map[int]error{7: errors.New("boom")}, reported + "7 of 3: boom"},
		"before the first":      {map[int]error{-1: errors.New("boom")}, reported + "-1 of 3: boom"},
		"the first of several":  {map[int]error{0: errors.New("a"), 9: errors.New("c"), 7: errors.New("b")}, reported + "7 of 3: b"},
		"a stale delivery":      {map[int]error{7: capability.ErrStaleDelivery}, reported + "7 of 3: " + capability.ErrStaleDelivery.Error()},
		"no failure behind":     {map[int]error{7: nil}, ""},
		"no failure, no item":   {map[int]error{}, ""},
		"a permanent one":       {map[int]error{7: ergon.Permanent(errors.New("boom"))}, reported + "7 of 3: boom"},
		"a business error":      {map[int]error{7: ergon.Business(errors.New("boom"))}, reported + "7 of 3: boom"},
		"inside and stale":      {map[int]error{0: capability.ErrStaleDelivery}, ""},
		"inside and one behind": {map[int]error{0: capability.ErrStaleDelivery, 3: errors.New("boom")}, reported + "3 of 3: boom"},
	} {
		given := fmt.Errorf("call: %w", &ergon.BatchError{Failures: c.failures})
		checked, read := foreign.CheckBatch(given, n), foreign.ReadBatch(given, n)
		for how, err := range map[string]error{"checked": checked, "read": read} {
			_, partial := errors.AsType[*ergon.BatchError](err)
			switch {
			case c.want == "" && !partial:
				t.Errorf("%s, %s: got %v, want an error for single items", name, how, err)
			case c.want != "" && (partial || err.Error() != c.want):
				t.Errorf("%s, %s: got %q (for single items: %t), want %q", name, how, err, partial, c.want)
			case c.want != "" && (errors.Is(err, capability.ErrStaleDelivery) || ergon.CategoryOf(err) != ergon.CategorySystem):
				t.Errorf("%s, %s: got category %s, stale: %t; want a failure of the system", name, how, ergon.CategoryOf(err),
					errors.Is(err, capability.ErrStaleDelivery))
			}
		}
		if c.want == "" && checked != given { //nolint:errorlint // the same value
			t.Errorf("%s: an error that is fine became %v", name, checked)
		}
	}
	if foreign.CheckBatch(nil, n) != nil {
		t.Error("nil became an error")
	}
	if whole := errors.New("whole"); foreign.CheckBatch(whole, n) != whole { //nolint:errorlint // the same value
		t.Error("the error of a whole call became another")
	}
}
