package connectortest_test

import (
	"context"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// consumer is a sound consumer of a queue whose server pushes, unless one of its methods is broken.
type consumer struct {
	*memory.PushedQueue

	demand func(n int)
	open   func(ctx context.Context) error
}

func (c *consumer) Demand(partition string, n int) {
	if c.demand != nil {
		c.demand(n)
		return
	}
	c.PushedQueue.Demand(partition, n)
}

func (c *consumer) Open(ctx context.Context) error {
	if c.open != nil {
		return c.open(ctx)
	}
	return c.PushedQueue.Open(ctx)
}

func consumers(settings memory.Settings, breakIt func(*consumer)) connectortest.Harness {
	return connectortest.Harness{
		New: func(*testing.T, []ergon.Transaction) connectortest.Store {
			queue := memory.New(settings)
			connect := func() any {
				c := &consumer{PushedQueue: memory.NewPushed(queue)}
				breakIt(c)
				return c
			}
			return connectortest.Store{Connector: connect(), Another: connect}
		},
		Virtual: true, Shared: true,
	}
}

// [K4] A consumer that hoards, and gives back what is not wanted, breaks no rule.
func TestSoundConsumerBreaksNoRule(t *testing.T) {
	for name, settings := range map[string]memory.Settings{"at once": {}, "waiting": {MaxWait: time.Second}} {
		for rule, failures := range connectortest.Violations(t, consumers(settings, func(*consumer) {})) {
			t.Errorf("%s: %s: %q", name, rule, failures)
		}
	}
}

// [K4] Consumers that keep from others what their loops do not want are caught.
func TestBrokenDemandIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(*consumer)
	}{
		"consumes as soon as it is open": {"OpenTakesNothing", func(c *consumer) {
			c.open = func(ctx context.Context) error {
				err := c.PushedQueue.Open(ctx)
				c.PushedQueue.Demand("", 3)
				_, _ = c.FetchTransactions(ctx, 1)
				return err
			}
		}},
		"hoards whatever is in demand": {"DemandBoundsWhatIsHeld", func(c *consumer) {
			c.demand = func(n int) { c.PushedQueue.Demand("", 10*n) }
		}},
		"keeps what is buffered": {"DemandOfNothingGivesBack", func(c *consumer) {
			c.demand = func(n int) { c.PushedQueue.Demand("", max(n, 1)) }
		}},
		"waits for its server": {"DemandOfNothingGivesBack", func(c *consumer) {
			c.demand = func(n int) {
				<-time.After(2 * time.Second)
				c.PushedQueue.Demand("", n)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { violated(t, consumers(memory.Settings{}, c.breakIt), c.rule) })
	}
}
