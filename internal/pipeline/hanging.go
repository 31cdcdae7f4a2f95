package pipeline

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// What the loop itself calls a connector for: the index of Hanging.inProgress.
const (
	callFetch = iota
	callCount
	callSettle
	callHop
	callExtend
	callLetters
	purposes // how many there are
)

// maxHanging is the maximum number of calls for one purpose that have not returned [F1].
const maxHanging = 64

// errCallsHang is the error of a call that is not made because too many before it have not returned.
var errCallsHang = errors.New("too many calls of the connector were given up and have not returned; make it respect its context")

// Hanging counts the calls of a source and of a store of dead letters that are in progress. A call that is given up at its timeout
// continues without a limit. Each holds a goroutine, so there may be 64 for each purpose [F1]. Loops that run one after the other on the
// same connectors share it. The zero value is ready. Safe for concurrent use.
type Hanging struct{ inProgress [purposes]atomic.Int64 }

// enter begins a call. Without an error, the caller calls leave when it has returned.
func (h *Hanging) enter(purpose int) error {
	if n := h.inProgress[purpose].Add(1); n > maxHanging {
		h.inProgress[purpose].Add(-1)
		return fmt.Errorf("not called: %w", errCallsHang)
	}
	return nil
}

func (h *Hanging) leave(purpose int) { h.inProgress[purpose].Add(-1) }
