package placement_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/placement"
)

type fetching struct{}

func (fetching) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) { return nil, nil }

type local struct{}

func (local) ProcessLocal() {}

type queueInMemory struct {
	fetching
	local
}

func (*queueInMemory) SettleTransactions(context.Context, []capability.Settlement) error { return nil }

type declared struct{ capability.Declaration }

func (d declared) Declare() capability.Declaration { return d.Declaration }

func source(value any) placement.Component { return placement.Component{Source: true, Value: value} }

func other(value any) placement.Component { return placement.Component{Value: value} }

// [E2] [K1] [L8] What cannot be shared is refused with several workers, and the message names the cure.
func TestComponentsThatDoNotFitTheirWorkersAreRefused(t *testing.T) {
	single := declared{capability.Declaration{Sharing: capability.SharingSingle}}
	divided := declared{capability.Declaration{Sharing: capability.SharingDivided}}
	key := declared{capability.Declaration{Sharing: capability.SharingCompeting, Order: capability.OrderKey}}
	competing := declared{capability.Declaration{Sharing: capability.SharingCompeting}}
	const fewer, another = "set workers.count to 1, or use a source that does", "between its readers; use a source that does"
	const one, goroutine = "can have one worker only; set it to 1", "or isolation: goroutine"
	for name, c := range map[string]struct {
		workers   placement.Workers
		component placement.Component
		want      string
	}{
		"single, one worker":                 {placement.Workers{Count: 1}, source(single), ""},
		"single, two workers":                {placement.Workers{Count: 2}, source(single), one},
		"single sink":                        {placement.Workers{Count: 2}, other(single), one},
		"divided":                            {placement.Workers{Count: 2}, source(divided), ""},
		"source that declares nothing":       {placement.Workers{Count: 2}, source(fetching{}), one},
		"the same, and not fetched from":     {placement.Workers{Count: 2}, other(fetching{}), ""},
		"local to its process":               {placement.Workers{Count: 1, Isolated: true}, other(local{}), goroutine},
		"local, and its workers are as well": {placement.Workers{Count: 3}, other(local{}), ""},
		"key kept by the store":              {placement.Workers{Count: 3, InOrder: true}, source(key), ""},
		"key, and one worker has it all":     {placement.Workers{Count: 1, InOrder: true}, source(single), ""},
		"key, competing":                     {placement.Workers{Count: 1, InOrder: true}, source(competing), another},
		"key, competing, and not the source": {placement.Workers{Count: 1, InOrder: true}, other(competing), ""},
		"no order asked for":                 {placement.Workers{Count: 3}, source(competing), ""},
		"key, divided":                       {placement.Workers{Count: 2, InOrder: true}, source(divided), fewer},
		"key, divided by one":                {placement.Workers{Count: 1, InOrder: true}, source(divided), ""},
		"key, in memory":                     {placement.Workers{Count: 2, InOrder: true}, source(&queueInMemory{}), fewer},
		"key, in memory of one worker":       {placement.Workers{Count: 1, InOrder: true}, source(&queueInMemory{}), ""},
	} {
		c.component.Name = `connector "x" (y)`
		err := placement.Check(c.workers, []placement.Component{c.component})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v, want no fault", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `connector "x" (y)`)):
			t.Errorf("%s: got %v, want %q and the component's name in it", name, err, c.want)
		}
	}
}

func TestComponentsAreNamedInOrder(t *testing.T) {
	types := map[string]string{"b": "queue"}
	got := placement.Named("connector", map[string]any{"b": 1, "a": 2}, func(name string) string { return types[name] }, "b")
	if len(got) != 2 || got[0].Name != `connector "a"` || got[0].Source || got[1].Name != `connector "b" (queue)` || !got[1].Source {
		t.Errorf("got %+v", got)
	}
}
