// Package queuemodel has the rules of a durable queue as a model, and compares a queue with it: states and transitions, deduplication,
// ordering keys, priorities, leases and poison. The queues in files and in databases have the same rules and the same test.
//
// A script is a list of bytes that says what is done: dispatch, fetch, settle, extend, resolve, let time pass. It is played on the queue
// and on the model, and both must give the same answers. A fuzzer looks for scripts that nobody thought of, at length; [Test] plays
// random ones, quickly.
package queuemodel

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// How the queues must be configured.
const (
	// Lease is the lease of a delivery.
	Lease = time.Minute
	// DedupWindow is how long settled ids are remembered. Nothing is retained.
	DedupWindow = 5 * time.Second
	// MaxDeliveries is the maximum number of lost deliveries.
	MaxDeliveries = 3
)

// Queue is a queue under test. Its fetches do not wait.
type Queue interface {
	ergon.Fetcher
	ergon.Dispatcher
	capability.Settler
	capability.LeaseKeeper
	capability.Resolver
	capability.Inspector
}

// Store is an empty queue, the empty store of its dead letters, and the clock of both.
type Store struct {
	Queue   Queue
	Letters deadletter.Store
	Now     func() time.Time
	Advance func(t *testing.T, d time.Duration)
}

// Opener returns a function that makes a store for each script. Making a store should be cheap: another queue in the same tables.
type Opener func(tb testing.TB) func(t *testing.T) Store

// Fuzz plays the scripts of the fuzzer.
func Fuzz(f *testing.F, open Opener) {
	f.Helper()
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x01\x00\x01\x05\x02\x00\x00"))
	f.Add([]byte("\x00\x10\x00\x11\x01\x04\x03\x02\x01\x04\x03\x02\x01\x04\x03\x02\x01\x04\x06"))
	f.Add([]byte("\x00\x20\x00\x24\x00\x28\x01\x03\x02\x00\x01\x03\x02\x01\x03\x02\x02\x01\x03\x02\x03\x01\x03\x02\x04\x05\x01"))
	next := open(f)
	f.Fuzz(func(t *testing.T, script []byte) { play(t, next(t), script) })
}

// Test plays a number of random scripts, the same each time.
func Test(t *testing.T, open Opener, scripts int) {
	t.Helper()
	next := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range scripts {
		script := make([]byte, 200)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		play(t, next(t), script)
	}
}

func play(t *testing.T, s Store, script []byte) {
	t.Helper()
	r := &rehearsal{T: t, store: s, script: script, model: &model{now: s.Now, window: DedupWindow, most: MaxDeliveries}}
	for len(r.script) > 0 {
		r.step()
		r.compareCounts()
	}
	r.compareDead()
}
