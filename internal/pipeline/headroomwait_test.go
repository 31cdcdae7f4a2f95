package pipeline_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
)

// [T2] A worker waits for room exactly as long as what was given up has to return. What comes back a moment before makes room for all
// that wait; at the bound one of them ends the loop, and nobody waits again.
func TestHeadroomIsWaitedForUpToTheBound(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // when one comes back
		ok    bool
	}{
		"at once": {0, true}, "a moment before the bound": {pipeline.Patience - 1, true}, "after it": {pipeline.Patience + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := pipeline.NewHeadroom(2)
				h.GiveUp()
				if h.IsFull() {
					t.Error("it is full below the bound")
				}
				h.GiveUp()
				if !h.IsFull() {
					t.Error("it is not full at the bound")
				}
				start := time.Now()
				time.AfterFunc(c.after, h.ReturnLate)
				var waited, okay, lasts atomic.Int32
				for range 3 {
					go func() {
						ok, last := h.Wait()
						if ok {
							okay.Add(1)
						}
						if last {
							lasts.Add(1)
						}
						if want := min(c.after, pipeline.Patience); time.Since(start) != want {
							t.Errorf("it waited for %s, want %s", time.Since(start), want)
						}
						waited.Add(1)
					}()
				}
				time.Sleep(time.Second)
				wantOK, wantLast := int32(3), int32(0)
				if !c.ok {
					wantOK, wantLast = 0, 1
				}
				if waited.Load() != 3 || okay.Load() != wantOK || lasts.Load() != wantLast {
					t.Errorf("%d of 3 have waited, %d got room, %d end the loop; want 3, %d, %d",
						waited.Load(), okay.Load(), lasts.Load(), wantOK, wantLast)
				}
				start = time.Now()
				if ok, last := h.Wait(); ok != c.ok || last || time.Since(start) != 0 {
					t.Errorf("afterwards: got %t, %t after %s, want %t, false at once", ok, last, time.Since(start), c.ok)
				}
			})
		})
	}
}
