package console

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon/observe"
)

// bar is one line of the timeline of a transaction. Left and Width are in thousandths of all of it.
type bar struct {
	Phase, Label, Result, Error string
	Start, Took                 time.Duration
	Left, Width                 string
	Settle                      bool
}

// minWidth keeps a bar visible however short it was.
const minWidth = 4.0

// waterfall lays the attempts of a transaction out in time, and its settlement.
func waterfall(t observe.Transaction) []bar {
	whole := float64(max(t.End(), 1))
	lay := func(b bar) bar {
		width := max(1000*float64(b.Took)/whole, minWidth)
		left := min(1000*float64(b.Start)/whole, 1000-width)
		b.Left, b.Width = fmt.Sprintf("%.1f", max(left, 0)), fmt.Sprintf("%.1f", min(width, 1000))
		return b
	}
	var bars []bar
	for _, a := range t.Attempts {
		bars = append(bars, lay(bar{
			Phase: string(a.Phase), Label: fmt.Sprintf("%s %d", a.Phase, a.Number), Result: a.Result, Error: a.Error,
			Start: a.Start, Took: a.Took,
		}))
	}
	if s := t.Settled; s != nil {
		result := s.Action
		if s.DeadLetter {
			result = "dead letter, " + result
		}
		bars = append(bars, lay(bar{Phase: "settle", Label: "settle", Result: result, Start: s.Start, Took: s.Took, Settle: true}))
	}
	return bars
}
