package capability_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// [I2] What changes from hop to hop is no content; everything else is, and where it begins and ends matters.
func TestContentDigestTellsContentsApart(t *testing.T) {
	base := capability.ContentDigestOf([]byte("p"), map[string]string{"a": "1"})
	same := map[string]map[string]string{
		"trace context": {"a": "1", "traceparent": "x", "tracestate": "y", "baggage": "z"},
		"delivery":      {"a": "1", "deliver_at": "x", "priority": "3"},
		"engine's own":  {"a": "1", "ergon.arrival": "1-2", "ergon.generation": "1"},
	}
	for name, metadata := range same {
		if capability.ContentDigestOf([]byte("p"), metadata) != base {
			t.Errorf("%s changes the digest", name)
		}
	}
	other := map[string]capability.ContentDigest{
		"payload":        capability.ContentDigestOf([]byte("q"), map[string]string{"a": "1"}),
		"value":          capability.ContentDigestOf([]byte("p"), map[string]string{"a": "2"}),
		"no metadata":    capability.ContentDigestOf([]byte("p"), nil),
		"moved boundary": capability.ContentDigestOf([]byte("p"), map[string]string{"a1": ""}),
		"ordering key":   capability.ContentDigestOf([]byte("p"), map[string]string{"a": "1", "ordering_key": "k"}),
	}
	for name, digest := range other {
		if digest == base {
			t.Errorf("%s does not change the digest", name)
		}
	}
	for _, size := range []int{0, 1, 4096, 4097, 100_000} { // in whatever pieces it is hashed
		payload := bytes.Repeat([]byte("x"), size)
		text := binary.BigEndian.AppendUint64(nil, uint64(size))
		text = append(append(text, payload...), "\x00\x00\x00\x00\x00\x00\x00\x01k\x00\x00\x00\x00\x00\x00\x00\x01v"...)
		sum := sha256.Sum256(text)
		if got := capability.ContentDigestOf(payload, map[string]string{"k": "v"}); got != capability.ContentDigest(sum[:16]) {
			t.Errorf("%d bytes: got %s, want %x", size, got, sum[:16])
		}
	}
	if got := (capability.ContentDigest{1, 15: 2}).String(); got != "01000000000000000000000000000002" {
		t.Errorf("got %s", got)
	}
}

// [I2] The innermost listener hears it, and nobody has to listen.
func TestDispatchIsReportedToTheInnermostListener(t *testing.T) {
	tx := ergon.NewTransaction("a", nil)
	capability.ReportDispatch(t.Context(), tx, capability.Duplicate)
	var heard []string
	listen := func(name string) func(ergon.Transaction, capability.DispatchResult) {
		return func(tx ergon.Transaction, r capability.DispatchResult) {
			heard = append(heard, name+" "+tx.ID()+" "+string(r))
		}
	}
	ctx := capability.WithDispatchReport(capability.WithDispatchReport(t.Context(), listen("outer")), listen("inner"))
	capability.ReportDispatch(context.WithoutCancel(ctx), tx, capability.Diverged)
	if len(heard) != 1 || heard[0] != "inner a diverged" {
		t.Errorf("heard %v, want inner a diverged", heard)
	}
	if capability.DispatchReport(t.Context()) != nil || capability.DispatchReport(ctx) == nil {
		t.Error("the listener of a context is not the one that was set")
	}
}

type source struct{}

func (source) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) { return nil, nil }

type queue struct{ source }

func (queue) SettleTransactions(context.Context, []capability.Settlement) error { return nil }

type declaring struct {
	queue

	d capability.Declaration
}

func (d declaring) Declare() capability.Declaration { return d.d }

// [K1] What a connector leaves out is filled in by what it can do.
func TestDeclarationIsFilledIn(t *testing.T) {
	for name, c := range map[string]struct {
		connector any
		sharing   capability.Sharing
	}{
		"mere source": {source{}, capability.SharingSingle},
		"settler":     {queue{}, capability.SharingCompeting},
		"mere sink":   {struct{}{}, capability.SharingCompeting},
		"declared":    {declaring{d: capability.Declaration{Sharing: capability.SharingDivided}}, capability.SharingDivided},
	} {
		got, err := capability.DeclarationOf(c.connector)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Sharing != c.sharing || got.Order != capability.OrderNone || got.Dedup != capability.DedupNone {
			t.Errorf("%s: got %+v, want sharing %s, order none, dedup none", name, got, c.sharing)
		}
	}
}
