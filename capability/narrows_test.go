package capability_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// widening has a field of a declaration promise less, and more.
type widening struct {
	field      string
	less, more capability.Declaration
}

func widenings() []widening {
	return []widening{
		{"lacks", capability.Declaration{Lacks: capability.CanHop | capability.CanFetch}, capability.Declaration{Lacks: capability.CanHop}},
		{"settles", capability.Declaration{Settles: capability.SettlesSent}, capability.Declaration{Settles: capability.SettlesConfirmed}},
		{"fences", capability.Declaration{Fences: capability.FenceClock}, capability.Declaration{Fences: capability.FenceStore}},
		{"fences", capability.Declaration{Fences: capability.FenceConnection}, capability.Declaration{Fences: capability.FenceStore}},
		{"whole_batches", capability.Declaration{WholeBatches: true}, capability.Declaration{}},
		{"max_hold", capability.Declaration{MaxHold: time.Minute}, capability.Declaration{}},
		{"max_hold", capability.Declaration{MaxHold: time.Minute}, capability.Declaration{MaxHold: time.Hour}},
		{"sharing", capability.Declaration{Sharing: capability.SharingSingle}, capability.Declaration{Sharing: capability.SharingCompeting}},
		{"order", capability.Declaration{Order: capability.OrderNone}, capability.Declaration{Order: capability.OrderKey}},
		{"dedup", capability.Declaration{Dedup: capability.DedupNone}, capability.Declaration{Dedup: capability.DedupUnreported}},
		{"dedup", capability.Declaration{Dedup: capability.DedupUnreported}, capability.Declaration{Dedup: capability.DedupReported}},
		{"in order", capability.Declaration{InOrder: true}, capability.Declaration{}},
		{"floor", capability.Declaration{Floor: true}, capability.Declaration{}},
	}
}

// [K1] After Open a connector may promise less and never more. The error names the field.
func TestDeclarationNarrows(t *testing.T) {
	for _, c := range widenings() {
		if err := c.less.Narrows(c.more); err != nil {
			t.Errorf("%s: promising less: got %v, want nil", c.field, err)
		}
		for _, same := range []capability.Declaration{c.less, c.more} {
			if err := same.Narrows(same); err != nil {
				t.Errorf("%s: promising the same: got %v, want nil", c.field, err)
			}
		}
		if err := c.more.Narrows(c.less); err == nil || !strings.Contains(err.Error(), c.field+" was ") {
			t.Errorf("%s: promising more: got %v, want an error that names the field", c.field, err)
		}
	}
}

// [K1] Another name, and all fields that promise more, are in the error.
func TestDeclarationThatChangesIsRefused(t *testing.T) {
	before := capability.Declaration{Destination: "q", Sharing: capability.SharingDivided}
	after := capability.Declaration{Destination: "r", Sharing: capability.SharingCompeting, Order: capability.OrderKey}
	err := after.Narrows(before)
	const want = `it promises more than before: destination was "q" and is "r", sharing was "divided" and is "competing", ` +
		`order was "" and is "key"; Declare may only promise less once the connector is open`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
