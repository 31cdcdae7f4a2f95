package pipeline

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// What a connector is called for by the loop itself.
const (
	callFetch = iota
	callCount
	callSettle
	callHop
	callExtend
	callLetters
	purposes // how many there are
)

// maxHanging bounds the calls for one purpose that were made and have not returned [F1].
const maxHanging = 64

// errCallsHang is what a loop gets instead of a call of a connector that has not returned from too many calls before.
var errCallsHang = errors.New("too many calls of the connector were given up and have not returned; make it respect its context")

// Hanging counts the calls that a loop makes of its source and of the store of its dead letters. What is given up at its timeout goes
// on for as long as it likes; so that one that never returns does not gather goroutines without end, there may be no more than 64
// for each purpose [F1]. It may be that of several loops, one after the other. The zero value is ready.
type Hanging struct{ under [purposes]atomic.Int64 }

// enter is called on the goroutine that makes the call; without an error, leave is called once that has returned.
func (h *Hanging) enter(purpose int) error {
	if n := h.under[purpose].Add(1); n > maxHanging {
		h.under[purpose].Add(-1)
		return fmt.Errorf("not called: %w", errCallsHang)
	}
	return nil
}

func (h *Hanging) leave(purpose int) { h.under[purpose].Add(-1) }
