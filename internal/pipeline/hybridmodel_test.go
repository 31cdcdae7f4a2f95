package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// durableState are what is durable, over all lives of a process: which inbound transactions are acknowledged, and what came out of
// them. It checks each acknowledgement.
type durableState struct {
	t *testing.T

	mu      sync.Mutex
	random  *rand.Rand
	each    map[string]int // how many come out of an inbound transaction
	left    map[string]bool
	outputs map[string]int // how often each was written
	letters map[string]int
	process int
}

// processState are the durableState as one process has it: once that is killed, nothing it does is durable.
type processState struct {
	*durableState

	number int
	given  map[string]bool // delivered, and not given back
	hops   bool
}

// hoppingProcess can hop as well.
type hoppingProcess struct{ *processState }

var (
	_ capability.Settler = (*processState)(nil)
	_ capability.Hopper  = hoppingProcess{}
)

var errKilled = errors.New("the process is dead")

// chance is one in n.
func (l *durableState) chance(n int) bool { return l.random.IntN(n) == 0 }

func (l *processState) dead() bool { return l.number != l.process }

func (l *processState) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var txs []ergon.Transaction
	for id := range l.left {
		if !l.given[id] && len(txs) < limit {
			l.given[id] = true
			txs = append(txs, ergon.NewTransaction(id, id))
		}
	}
	if len(l.left) == 0 {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

func (l *processState) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead() {
		return errKilled
	}
	failures := map[int]error{}
	for i, s := range batch {
		if err := l.settle(s, nil); err != nil {
			failures[i] = err
		}
	}
	return l.answer(failures)
}

// answer loses an answer now and then.
func (l *processState) answer(failures map[int]error) error {
	switch {
	case l.chance(10):
		return errScripted
	case len(failures) > 0:
		return &ergon.BatchError{Failures: failures}
	default:
		return nil
	}
}

// settle is the moment of truth: what came out of an acknowledged transaction is complete, or it is a dead letter.
func (l *processState) settle(s capability.Settlement, hopped []string) error {
	id := s.Transaction.ID()
	if !l.left[id] || !l.given[id] {
		return capability.ErrStaleDelivery
	}
	if l.chance(20) {
		return errScripted
	}
	if s.Action == policy.SettleRequeue {
		delete(l.given, id)
		return nil
	}
	for _, output := range hopped {
		l.outputs[output]++
	}
	for n := range l.each[id] {
		if output := fmt.Sprintf("%s/%d", id, n); l.outputs[output] == 0 && l.letters[id] == 0 {
			l.t.Errorf("%s is acknowledged without %s", id, output)
		}
	}
	delete(l.left, id)
	return nil
}

func (hoppingProcess) SharesStore(to ergon.Dispatcher) bool {
	_, shares := to.(durableSink)
	return shares
}

func (l hoppingProcess) HopTransactions(_ context.Context, batch []capability.Hop) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead() {
		return errKilled
	}
	failures := map[int]error{}
	for i, hop := range batch {
		var outputs []string
		letter := false
		for _, output := range hop.Outputs {
			if output.To.(durableSink).letters {
				letter = true
				continue
			}
			outputs = append(outputs, strings.Fields(idsOf(output.Transactions))...)
		}
		id := hop.Settlement.Transaction.ID()
		if letter {
			l.letters[id]++
		}
		if err := l.settle(hop.Settlement, outputs); err != nil {
			failures[i] = err
			if letter {
				l.letters[id]--
			}
		}
	}
	return l.answer(failures)
}

// durableSink is where outputs, or dead letters, go without a hop.
type durableSink struct {
	*processState

	letters bool
}

func (s durableSink) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.dead():
		return errKilled
	case s.chance(8):
		return errScripted
	}
	failures := map[int]error{}
	for i, tx := range batch {
		switch {
		case s.chance(8):
			failures[i] = errScripted
		case s.letters:
			s.durableState.letters[tx.ID()]++
		default:
			s.outputs[tx.ID()]++
		}
	}
	return s.answer(failures)
}

// [B3] Whatever fails, gets lost or is killed: all of what comes out of a transaction is there before it is acknowledged, under
// ids that are the same each time; where input and output are in one store, exactly once, and nothing of one that failed.
func FuzzHybridUnderKills(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, hops bool) {
		synctest.Test(t, func(t *testing.T) {
			l := &durableState{
				t: t, random: rand.New(rand.NewPCG(seed, 1)),
				each: map[string]int{}, left: map[string]bool{}, outputs: map[string]int{}, letters: map[string]int{},
			}
			for _, id := range numbered(20) {
				l.each[id], l.left[id] = l.random.IntN(4), true
			}
			for n := 0; len(l.left) > 0; n++ {
				if n == 200 {
					t.Fatalf("after %d lives %d are left", n, len(l.left))
				}
				l.live(t, hops)
			}
			l.audit(t, hops)
		})
	})
}

// live runs a process that is killed at some time, and from then on changes nothing.
func (l *durableState) live(t *testing.T, hops bool) {
	t.Helper()
	l.process++
	process := &processState{durableState: l, number: l.process, given: map[string]bool{}, hops: hops}
	coalescer := coalesce.New(durableSink{process, false}, policy.ProducerBatch{Size: 5, Interval: 10 * time.Millisecond})
	r := newRig(ergon.Task{
		Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			return make([]ergon.Transaction, l.each[tx.ID()]), nil
		},
		Prepare: func(ctx context.Context, tx ergon.Transaction) error { return l.prepare(ctx, coalescer, tx) },
	})
	r.Source, r.DeadLetters = process, durableSink{process, true}
	if hops {
		r.Source = hoppingProcess{process}
	}
	r.Policy.Loop.DeadLetter, r.Policy.Loop.Concurrency = "letters", policy.Concurrency{Value: 4, Headroom: 1000}
	r.Policy.Settle.Retry = retrying(2, time.Second, 50*time.Millisecond).Retry
	r.Policy.Settle.RequeueDelay = 0
	r.Policy.Loop.Streaming = true
	r.Producer = exactProducer()
	r.Producer.Loop.Concurrency.Value = 3
	r.Producer.Prepare = retrying(3, time.Second, 100*time.Millisecond)
	force := make(chan struct{})
	close(force)
	r.Force = force
	l.mu.Lock()
	age := time.Duration(l.random.IntN(3000)) * time.Millisecond
	l.mu.Unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	r.start(ctx, t)
	sleep(age)
	l.mu.Lock()
	l.process++ // killed
	l.mu.Unlock()
	cancel(errKilled)
	_ = r.wait()
	sleep(time.Minute) // whatever it has left behind
}

// prepare fails in all ways that there are: it is refused for one of the inbound transactions, and by chance for others it
// fails, hangs, or dispatches and fails all the same.
func (l *durableState) prepare(ctx context.Context, coalescer ergon.Dispatcher, tx ergon.Transaction) error {
	if strings.HasPrefix(tx.ID(), "7/") && tx.ID() != "7/0" {
		return ergon.Business(errScripted)
	}
	l.mu.Lock()
	fails, hangs, after := l.chance(8), l.chance(12), l.chance(8)
	l.mu.Unlock()
	switch {
	case fails:
		return errScripted
	case hangs:
		sleep(1500 * time.Millisecond)
	}
	sleep(20 * time.Millisecond)
	if err := coalescer.DispatchTransactions(ctx, []ergon.Transaction{tx}); err != nil || !after {
		return err
	}
	return errScripted
}

// audit looks at what is durable in the end.
func (l *durableState) audit(t *testing.T, hops bool) {
	t.Helper()
	known := map[string]bool{}
	for id, n := range l.each {
		for i := range n {
			output := fmt.Sprintf("%s/%d", id, i)
			known[output] = true
			if times := l.outputs[output]; hops && (l.letters[id] == 0) != (times == 1) {
				t.Errorf("%s is there %d times; its transaction is a dead letter %d times", output, times, l.letters[id])
			}
		}
	}
	for output := range l.outputs {
		if !known[output] {
			t.Errorf("%s came out of nothing", output)
		}
	}
}
