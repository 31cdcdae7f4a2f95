package connectortest

import (
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// rule is something that the engine, the runner or the command line relies on.
type rule struct {
	name string
	why  string
	// needs are the capabilities that it is about.
	needs []need
	check func(p *probe)
}

// need is a capability.
type need struct {
	name string
	met  func(connector any) bool
}

func capable[T any](name string) need {
	return need{name: name, met: func(connector any) bool { _, ok := capability.As[T](connector); return ok }}
}

func fetches() need    { return capable[ergon.Fetcher]("ergon.Fetcher") }
func dispatches() need { return capable[ergon.Dispatcher]("ergon.Dispatcher") }
func settles() need    { return capable[capability.Settler]("capability.Settler") }
func leases() need     { return capable[capability.LeaseKeeper]("capability.LeaseKeeper") }
func resolves() need   { return capable[capability.Resolver]("capability.Resolver") }
func counts() need     { return capable[capability.Counter]("capability.Counter") }
func opens() need      { return capable[ergon.Opener]("ergon.Opener") }
func closes() need     { return capable[ergon.Closer]("ergon.Closer") }
func hops() need       { return capable[capability.Hopper]("capability.Hopper") }
func inspects() need   { return capable[capability.Inspector]("capability.Inspector") }
func replays() need    { return capable[capability.Replayer]("capability.Replayer") }
func letters() need    { return capable[deadletter.Store]("deadletter.Store") }

// rules are all rules, in the order in which they are read.
func rules() []rule {
	return slices.Concat(
		fetchRules(), demandRules(), settleRules(), leaseRules(), dispatchRules(), durabilityRules(), dedupRules(), lookRules(), lifeRules(),
		concurrencyRules(), hopRules(), inspectRules(), replayRules(), letterRules(), retryRules(),
	)
}

// verdict is the result of a rule.
type verdict struct {
	failures []string
	skipped  string // why the rule does not apply
}

// check runs one rule, in a bubble where the harness wants it. A connector that panics fails the rule.
func (h Harness) check(t *testing.T, r rule) (v verdict) {
	t.Helper()
	p := &probe{harness: h}
	defer func() {
		if crash := recover(); crash != nil { // a bubble whose goroutines never end
			p.fail(fmt.Sprintf("the rule did not come to its end: %v", crash))
		}
		v = verdict{failures: p.failures, skipped: p.skipped}
	}()
	if h.Virtual {
		synctest.Test(t, func(t *testing.T) { p.run(t, r) })
	} else {
		p.run(t, r)
	}
	return v
}

func (p *probe) run(t *testing.T, r rule) {
	t.Helper()
	p.t, p.ctx = t, t.Context()
	defer p.closeAll()
	defer func() {
		switch crash := recover().(type) {
		case nil, stop:
		default:
			p.fail(fmt.Sprintf("the connector panicked: %v\n%s", crash, debug.Stack()))
		}
	}()
	r.check(p.needing(r.needs))
}
