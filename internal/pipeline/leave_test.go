package pipeline_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// [F4] A loop whose settler hangs ends all the same, and names that. Handlers that were given up may compute, so that for each of
// them what serves the loop has 40 ms more of a processor to come home.
func TestLoopWhoseSettlerHangsEndsAndNamesIt(t *testing.T) {
	took := map[int]time.Duration{}
	for _, abandoned := range []int{0, 100} {
		synctest.Test(t, func(t *testing.T) {
			released := make(chan struct{})
			r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				if abandoned > 0 {
					<-released
				}
				return nil, nil
			}}, numbered(max(abandoned, 1))...)
			r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Concurrency.Headroom = max(abandoned, 1), abandoned+1
			r.Policy.Process = once(time.Second)
			r.OnSettle = func(pipeline.Outcome, int64) { <-released }
			ctx, cancel := context.WithCancel(t.Context())
			r.start(ctx, t)
			sleep(10 * time.Second)
			cancel()
			began := time.Now()
			err := r.wait()
			took[abandoned] = time.Since(began)
			if !errors.Is(err, pipeline.ErrLeftBehind) || !strings.Contains(err.Error(), "settling") {
				t.Errorf("%d abandoned: got %v, want ErrLeftBehind that names settling", abandoned, err)
			}
			close(released)
			sleep(time.Hour) // for what was left behind
		})
	}
	want := 100 * 40 * time.Millisecond / time.Duration(runtime.GOMAXPROCS(0))
	if more := took[100] - took[0]; more != want {
		t.Errorf("with 100 abandoned handlers it ended %s later, want %s", more, want)
	}
}
