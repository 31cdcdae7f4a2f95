package capability_test

import (
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func lacking(lacks capability.Set) declaring {
	return declaring{d: capability.Declaration{Lacks: lacks}}
}

// [K1] A connector is what its type has, without what it declares to lack.
func TestAsFindsWhatAConnectorHasAndDoesNotLack(t *testing.T) {
	fetches := func(c any) bool { _, ok := capability.As[ergon.Fetcher](c); return ok }
	settles := func(c any) bool { _, ok := capability.As[capability.Settler](c); return ok }
	dispatches := func(c any) bool { _, ok := capability.As[ergon.Dispatcher](c); return ok }
	declares := func(c any) bool { _, ok := capability.As[capability.Declarer](c); return ok }
	for name, c := range map[string]struct {
		connector any
		as        func(any) bool
		want      bool
	}{
		"has it":                        {queue{}, settles, true},
		"has it not":                    {source{}, settles, false},
		"nil":                           {nil, settles, false},
		"lacks it":                      {lacking(capability.CanSettle), settles, false},
		"lacks another":                 {lacking(capability.CanHop | capability.CanFetch), settles, true},
		"lacks several":                 {lacking(capability.CanSettle | capability.CanFetch), fetches, false},
		"lacks what it has not":         {lacking(capability.CanDispatch), dispatches, false},
		"cannot lack":                   {lacking(^capability.Set(0)), declares, true},
		"declaration that panics":       {panicking{}, settles, true}, // DeclarationOf reports it
		"declaration that is not asked": {panicking{}, declares, true},
	} {
		if got := c.as(c.connector); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

type panicking struct{ queue }

func (panicking) Declare() capability.Declaration { panic("broken") }

// whole has every interface that a connector can lack.
type whole struct {
	declaring
	ergon.Dispatcher
	capability.LeaseKeeper
	capability.Resolver
	capability.Counter
	capability.Hopper
	capability.Inspector
	capability.Replayer
	capability.Attacher
}

// [K1] Each interface of a Set is taken away by its own bit.
func TestEachInterfaceCanBeLacked(t *testing.T) {
	has := map[string]func(any) bool{
		"fetch": is[ergon.Fetcher], "dispatch": is[ergon.Dispatcher], "settle": is[capability.Settler], "lease": is[capability.LeaseKeeper],
		"resolve": is[capability.Resolver], "count": is[capability.Counter], "hop": is[capability.Hopper],
		"inspect": is[capability.Inspector], "replay": is[capability.Replayer], "attach": is[capability.Attacher],
	}
	for bit := capability.CanFetch; bit <= capability.CanAttach; bit <<= 1 {
		c := whole{declaring: lacking(bit)}
		if _, known := has[bit.String()]; !known {
			t.Errorf("%s is not known", bit)
		}
		for name, find := range has {
			if got, want := find(c), name != bit.String(); got != want {
				t.Errorf("lacks %s: it can %s: got %t, want %t", bit, name, got, want)
			}
		}
	}
	if got := (capability.CanDispatch | capability.CanHop).String(); got != "dispatch, hop" {
		t.Errorf("got %q, want dispatch, hop", got)
	}
	if got := capability.Set(0).String(); got != "none" {
		t.Errorf("got %q, want none", got)
	}
}

// [K1] Can is what a connector has without what it lacks.
func TestCanIsWhatAConnectorHasAndDoesNotLack(t *testing.T) {
	for _, c := range []struct {
		connector any
		want      capability.Set
	}{
		{nil, 0},
		{queue{}, capability.CanFetch | capability.CanSettle},
		{whole{}, 2*capability.CanAttach - 1},
		{lacking(capability.CanSettle | capability.CanHop), capability.CanFetch},
	} {
		if got, err := capability.Can(c.connector); err != nil || got != c.want {
			t.Errorf("%T: got %s and %v, want %s", c.connector, got, err, c.want)
		}
	}
	if _, err := capability.Can(panicking{}); err == nil {
		t.Error("a declaration that panics is no error")
	}
}

func is[T any](c any) bool { _, ok := capability.As[T](c); return ok }

// [K1] What a connector lacks decides about the defaults of its declaration.
func TestConnectorThatLacksSettlementIsNotShared(t *testing.T) {
	for lacks, want := range map[capability.Set]capability.Sharing{
		0: capability.SharingCompeting, capability.CanSettle: capability.SharingSingle,
		capability.CanSettle | capability.CanFetch: capability.SharingCompeting, // a mere sink
	} {
		if got, err := capability.DeclarationOf(lacking(lacks)); err != nil || got.Sharing != want {
			t.Errorf("lacks %s: got %s and %v, want %s", lacks, got.Sharing, err, want)
		}
	}
}

// A connector that declares nothing is not asked: its lookup is a type assertion.
func TestLookupWithoutADeclarationAllocatesNothing(t *testing.T) {
	var c any = queue{}
	if got := testing.AllocsPerRun(100, func() { _, _ = capability.As[capability.Settler](c) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}
