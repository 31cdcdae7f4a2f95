package ergon_test

import (
	"context"
	"testing"

	"github.com/ergon-go/ergon"
)

// One attempt allocates the call and the closure of its goroutine. With a context that can end it is no more. The function that the
// test passes is made once.
func TestRunFnMakesTwoAllocations(t *testing.T) {
	fn := func(context.Context) (int, error) { return 1, nil }
	ending, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"never ends": context.Background(), "can end": ending} {
		got := testing.AllocsPerRun(2000, func() {
			if _, err := ergon.RunFn(ctx, steady(1), fn); err != nil {
				t.Error(err)
			}
		})
		if got > maxAllocations {
			t.Errorf("a context that %s: got %v allocations, want %v at most", name, got, maxAllocations)
		}
	}
}
