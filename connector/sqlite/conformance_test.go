package sqlite_test

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// sharedClock is a clock that only the suite moves, while connectors read it from goroutines of their own.
type sharedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *sharedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *sharedClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// maxPayload is what the queues under test take.
const maxPayload = 1000

// conforming is a file with a clock, whose connectors the suite makes.
type conforming struct {
	t     *testing.T
	clock sharedClock
	path  string
}

func newConforming(t *testing.T) *conforming {
	t.Helper()
	return &conforming{
		t: t, path: filepath.Join(t.TempDir(), "queue.db"),
		clock: sharedClock{at: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)},
	}
}

// queue waits a little for what comes, so that closing it has a fetch to end.
func (c *conforming) queue(name string, change func(*sqlite.QueueSettings)) func() any {
	return func() any {
		s := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig(), Now: c.clock.now}
		s.Path, s.Queue, s.MaxWait, s.MaxPayloadBytes = c.path, name, 20*time.Millisecond, maxPayload
		s.Durability, s.MaxDeliveries, s.RetainSettled = sqlite.DurabilityNormal, 0, time.Hour
		change(&s)
		q, err := sqlite.NewQueue(s)
		if err != nil {
			c.t.Fatal(err)
		}
		return q
	}
}

func (c *conforming) letters() any {
	s := sqlite.DeadLettersSettings{DeadLettersConfig: sqlite.DefaultDeadLettersConfig(), Now: c.clock.now}
	s.Path, s.Durability = c.path, sqlite.DurabilityNormal
	d, err := sqlite.NewDeadLetters(s)
	if err != nil {
		c.t.Fatal(err)
	}
	return d
}

func tooLarge() ergon.Transaction {
	return ergon.NewTransaction("large", append(bytes.Repeat([]byte(" "), maxPayload), "{}"...))
}

// [I2] [I4] With deduplication and without.
func TestQueueKeepsTheRulesOfConnectors(t *testing.T) {
	for name, change := range map[string]func(*sqlite.QueueSettings){
		"deduplicating":         asItIs,
		"conflicts are errors":  onConflict(capability.ConflictError),
		"without deduplication": func(s *sqlite.QueueSettings) { s.Dedup = false },
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
					t.Helper()
					c := newConforming(t)
					connect := c.queue("jobs", change)
					return connectortest.Store{
						Connector: connect(), Another: connect, Restart: func() {}, // the first is left open, as by a kill
						OtherQueue: c.queue("claims", change), Refused: tooLarge, Pass: c.clock.pass,
					}
				},
				Shared: true,
			})
		})
	}
}

func asItIs(*sqlite.QueueSettings) {}

func TestDeadLettersKeepTheRulesOfConnectors(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
			t.Helper()
			c := newConforming(t)
			return connectortest.Store{
				Connector: c.letters(), Another: c.letters, OtherQueue: c.queue("jobs", asItIs), Pass: c.clock.pass,
				Refused: func() ergon.Transaction { return ergon.NewTransaction("no letter", []byte(`{}`)) },
			}
		},
		Shared: true,
	})
}
