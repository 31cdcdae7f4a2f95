package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// store is a queue whose store has connectors beside it. What hops to them, or is dispatched, is there for good; a hop may be
// made to fail.
type store struct {
	*memory.Queue

	journal *journal // nil: nothing is noted

	mu      sync.Mutex
	sinks   []*storeSink
	fail    func(hop capability.Hop) error // nil: none fails
	outage  func() error                   // of the whole call; nil: there is none
	settled map[string]bool                // by id: acknowledged
}

var (
	_ capability.Hopper  = (*store)(nil)
	_ capability.Settler = (*store)(nil)
	_ ergon.Dispatcher   = (*storeSink)(nil)
)

// storeSink is a connector of a store.
type storeSink struct {
	store *store // nil: of another one
	name  string

	mu   sync.Mutex
	txs  []ergon.Transaction
	fail func(tx ergon.Transaction) error // nil: none fails
}

func newStore(ids ...string) *store {
	return &store{
		Queue:   memory.New(memory.Settings{Transactions: transactionsOf(ids...), Finite: true, Record: true}),
		settled: map[string]bool{},
	}
}

func (s *store) storeSink(name string) *storeSink {
	made := &storeSink{store: s, name: name}
	s.sinks = append(s.sinks, made)
	return made
}

// SharesStore is true of its own shelves.
func (s *store) SharesStore(to ergon.Dispatcher) bool {
	of, ok := to.(*storeSink)
	return ok && of.store == s
}

// HopTransactions notes a call as it begins: "hop a ack to claims: a/0 a/1".
func (s *store) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	sorted := slices.SortedFunc(slices.Values(batch), func(a, b capability.Hop) int {
		return cmp.Compare(a.Settlement.Transaction.ID(), b.Settlement.Transaction.ID())
	})
	for _, hop := range sorted {
		text := "hop " + settlementText(hop.Settlement) + " to"
		for _, output := range hop.Outputs {
			text += " " + output.To.(*storeSink).name + ": " + idsOf(output.Transactions)
		}
		if s.journal != nil {
			s.journal.note(text)
		}
	}
	if s.outage != nil {
		if err := s.outage(); err != nil {
			return err
		}
	}
	failures := map[int]error{}
	for i, hop := range batch {
		if err := s.hop(ctx, hop); err != nil {
			failures[i] = err
		}
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

func (s *store) hop(ctx context.Context, hop capability.Hop) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(hop); err != nil {
			return err
		}
	}
	err := s.Queue.SettleTransactions(ctx, []capability.Settlement{hop.Settlement})
	if batch, ok := errors.AsType[*ergon.BatchError](err); ok {
		return batch.Failures[0]
	}
	if err != nil {
		return err
	}
	for _, output := range hop.Outputs {
		output.To.(*storeSink).put(output.Transactions)
	}
	s.settled[hop.Settlement.Transaction.ID()] = hop.Settlement.Action == policy.SettleAck
	return nil
}

// SettleTransactions notes a call as it begins.
func (s *store) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if s.journal != nil {
		s.journal.note("settle " + settlementsText(batch))
	}
	return s.Queue.SettleTransactions(ctx, batch)
}

func (s *storeSink) put(txs []ergon.Transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.txs = append(s.txs, txs...)
}

// DispatchTransactions is what a task reaches without a hop.
func (s *storeSink) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	failures := map[int]error{}
	for i, tx := range batch {
		if s.fail != nil {
			if err := s.fail(tx); err != nil {
				failures[i] = err
				continue
			}
		}
		s.put([]ergon.Transaction{tx})
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

// ids returns what is on the storeSink, sorted.
func (s *storeSink) ids() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := strings.Fields(idsOf(s.txs))
	slices.Sort(ids)
	return strings.Join(ids, " ")
}
