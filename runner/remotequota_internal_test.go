package runner

import (
	"context"
	"testing"
)

// [L2] [E2] What a worker process is granted too late, or does not use, it uses first the next time.
func TestWhatWasGrantedAndNotUsedIsUsedFirst(t *testing.T) {
	var asked []int
	answer := func() {}
	q := newRemoteQuota(10, func(n int) {
		asked = append(asked, n)
		answer()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := q.Take(ctx, 4); got != 0 {
		t.Errorf("got %d without an answer, want 0", got)
	}
	q.granted(4, 6)
	if got := q.Take(t.Context(), 3); got != 3 {
		t.Errorf("got %d of what came too late, want 3", got)
	}
	q.Return(2)
	if got := q.Left(); got != 6+1+2 {
		t.Errorf("got %d left, want 6 of all and 3 that are here", got)
	}
	answer = func() { q.granted(1, 0) }
	if got := q.Take(t.Context(), 5); got != 4 {
		t.Errorf("got %d, want 3 that are here and the last 1 of all", got)
	}
	if got := q.Take(t.Context(), 1); got != 0 || q.Left() != 0 {
		t.Errorf("got %d and %d left, want nothing", got, q.Left())
	}
	if len(asked) != 2 || asked[0] != 4 || asked[1] != 2 {
		t.Errorf("asked for %v, want 4 and 2", asked)
	}
}
