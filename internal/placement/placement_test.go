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

type declared struct{ capability.Declaration }

func (d declared) Declare() capability.Declaration { return d.Declaration }

// [E2] [K1] What cannot be shared is refused with several workers, and the message names the cure.
func TestComponentsThatDoNotFitTheirWorkersAreRefused(t *testing.T) {
	single := declared{capability.Declaration{Sharing: capability.SharingSingle}}
	divided := declared{capability.Declaration{Sharing: capability.SharingDivided}}
	const one, goroutine = "can have one worker only; set it to 1", "or isolation: goroutine"
	for name, c := range map[string]struct {
		workers   placement.Workers
		component placement.Component
		want      string
	}{
		"single, one worker":                 {placement.Workers{Count: 1}, placement.Component{Source: true, Value: single}, ""},
		"single, two workers":                {placement.Workers{Count: 2}, placement.Component{Source: true, Value: single}, one},
		"single sink":                        {placement.Workers{Count: 2}, placement.Component{Value: single}, one},
		"divided":                            {placement.Workers{Count: 2}, placement.Component{Source: true, Value: divided}, ""},
		"source that declares nothing":       {placement.Workers{Count: 2}, placement.Component{Source: true, Value: fetching{}}, one},
		"the same, and not fetched from":     {placement.Workers{Count: 2}, placement.Component{Value: fetching{}}, ""},
		"local to its process":               {placement.Workers{Count: 1, Isolated: true}, placement.Component{Value: local{}}, goroutine},
		"local, and its workers are as well": {placement.Workers{Count: 3}, placement.Component{Value: local{}}, ""},
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
