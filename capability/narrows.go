package capability

import (
	"fmt"
	"slices"
	"strings"
)

// Narrows returns nil if d promises at most as much as before, in every field. Otherwise its error names the fields that promise
// more, with both values. A connector may narrow its declaration after Open.
func (d Declaration) Narrows(before Declaration) error {
	var wider []string
	check := func(field string, narrows bool, was, is any) {
		if !narrows {
			wider = append(wider, fmt.Sprintf("%s was %q and is %q", field, fmt.Sprint(was), fmt.Sprint(is)))
		}
	}
	check("lacks", before.Lacks&^d.Lacks == 0, before.Lacks, d.Lacks)
	check("destination", d.Destination == before.Destination, before.Destination, d.Destination)
	check("group", d.Group == before.Group, before.Group, d.Group)
	check("settles", atMost(d.Settles, before.Settles, SettlesConfirmed, SettlesSent), before.Settles, d.Settles)
	check("fences", d.Fences == before.Fences || before.Fences == FenceStore, before.Fences, d.Fences)
	check("whole_batches", d.WholeBatches || !before.WholeBatches, before.WholeBatches, d.WholeBatches)
	check("max_hold", d.MaxHold == before.MaxHold || d.MaxHold > 0 && (before.MaxHold == 0 || d.MaxHold < before.MaxHold),
		before.MaxHold, d.MaxHold)
	check("sharing", d.Sharing == before.Sharing || d.Sharing == SharingSingle, before.Sharing, d.Sharing)
	check("order", d.Order == before.Order || d.Order == OrderNone, before.Order, d.Order)
	check("dedup", atMost(d.Dedup, before.Dedup, DedupReported, DedupUnreported, DedupNone), before.Dedup, d.Dedup)
	check("in order", d.InOrder || !before.InOrder, before.InOrder, d.InOrder)
	check("floor", d.Floor || !before.Floor, before.Floor, d.Floor)
	if wider == nil {
		return nil
	}
	return fmt.Errorf("it promises more than before: %s; Declare may only promise less once the connector is open",
		strings.Join(wider, ", "))
}

// atMost reports whether now is before, or comes after it in levels, whose first is the greatest promise.
func atMost[T comparable](now, before T, levels ...T) bool {
	was := slices.Index(levels, before)
	return now == before || was >= 0 && slices.Index(levels, now) > was
}
