package app_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// warehouse has queues and dead letters that outlive a call of the program, as a file would.
type warehouse struct {
	mu      sync.Mutex
	shelves map[string]*shelf
	letters []deadletter.Letter // of all stores, in the order in which they failed
	opened  []string
}

// shelf is a queue.
type shelf struct {
	warehouse *warehouse
	name      string
	max       int // of a batch, 0 for no bound
	// strict makes a conflict an error
	strict bool
	in     map[capability.QueueState][]ergon.Transaction
}

type shelfConfig struct {
	Name string `yaml:"name"`
	Max  int    `yaml:"max"`

	Strict bool `yaml:"strict"`
}

func (w *warehouse) shelf(name string) *shelf {
	if w.shelves[name] == nil {
		if w.shelves == nil {
			w.shelves = map[string]*shelf{}
		}
		w.shelves[name] = &shelf{warehouse: w, name: name, in: map[capability.QueueState][]ergon.Transaction{}}
	}
	return w.shelves[name]
}

func (s *shelf) Open(context.Context) error {
	s.warehouse.opened = append(s.warehouse.opened, s.name)
	if s.name == "closed" {
		return errors.New("the warehouse is closed; come back tomorrow")
	}
	return nil
}

func (s *shelf) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	n := min(limit, len(s.in[capability.StateReady]))
	txs := s.in[capability.StateReady][:n:n]
	s.in[capability.StateReady] = s.in[capability.StateReady][n:]
	return txs, nil
}

func (s *shelf) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	for _, one := range batch {
		s.in[capability.StateSettled] = append(s.in[capability.StateSettled], one.Transaction)
	}
	return nil
}

// DispatchTransactions tells what has been there already, and refuses transactions that are too heavy.
func (s *shelf) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	if s.max > 0 && len(batch) > s.max {
		return fmt.Errorf("no room for %d", len(batch))
	}
	failures := map[int]error{}
	for i, tx := range batch {
		known, found := s.known(tx)
		switch {
		case bytes.Contains(tx.Payload().([]byte), []byte("outside")): // breaks the contract: there is no such item
			failures[len(batch)+7] = errors.New("lost")
		case len(tx.Payload().([]byte)) > 40:
			failures[i] = errors.New("too heavy")
		case found && s.strict && !bytes.Equal(known.Payload().([]byte), tx.Payload().([]byte)):
			failures[i] = capability.ErrConflict
		case found && !bytes.Equal(known.Payload().([]byte), tx.Payload().([]byte)):
			capability.ReportDispatch(ctx, tx, capability.Conflict)
		case found:
			capability.ReportDispatch(ctx, tx, capability.Duplicate)
		default:
			s.in[capability.StateReady] = append(s.in[capability.StateReady], tx)
		}
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

// known is the same arrival.
func (s *shelf) known(tx ergon.Transaction) (ergon.Transaction, bool) {
	all := slices.Concat(s.in[capability.StateReady], s.in[capability.StateSettled])
	i := slices.IndexFunc(all, func(other ergon.Transaction) bool {
		return other.ID() == tx.ID() && other.Arrival() == tx.Arrival()
	})
	if i < 0 {
		return tx, false
	}
	return all[i], true
}

func (s *shelf) Declare() capability.Declaration {
	return capability.Declaration{Destination: s.name, Dedup: capability.DedupReported}
}

func (s *shelf) InspectQueue(context.Context) (capability.QueueStats, error) {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	count := func(state capability.QueueState) int64 { return int64(len(s.in[state])) }
	stats := capability.QueueStats{
		Ready: count(capability.StateReady), Delayed: count(capability.StateDelayed),
		Claimed: count(capability.StateClaimed), Settled: count(capability.StateSettled),
	}
	if stats.Ready > 0 {
		stats.OldestReadyAt = time.Now().Add(-90 * time.Second)
	}
	return stats, nil
}

func (s *shelf) PeekTransactions(_ context.Context, state capability.QueueState, limit int) ([]ergon.Transaction, error) {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	return s.in[state][:min(limit, len(s.in[state]))], nil
}

// ReplayTransactions knows no times: what was settled was settled an hour ago.
func (s *shelf) ReplayTransactions(_ context.Context, f capability.ReplayFilter) (n int64, err error) {
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	settledAt := time.Now().Add(-time.Hour)
	s.in[capability.StateSettled] = slices.DeleteFunc(s.in[capability.StateSettled], func(tx ergon.Transaction) bool {
		if len(f.IDs) > 0 && !slices.Contains(f.IDs, tx.ID()) || settledAt.Before(f.SettledAfter) ||
			!f.SettledBefore.IsZero() && settledAt.After(f.SettledBefore) {
			return false
		}
		s.in[capability.StateReady] = append(s.in[capability.StateReady], tx)
		n++
		return true
	})
	return n, nil
}

// letterShelf are a store of dead letters, which requeues to the shelves that its letters name.
type letterShelf struct{ warehouse *warehouse }

func (p letterShelf) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	p.warehouse.mu.Lock()
	defer p.warehouse.mu.Unlock()
	for _, tx := range batch {
		p.warehouse.post(deadletter.Letter{Record: tx.Payload().(deadletter.Record)})
	}
	return nil
}

func (w *warehouse) post(l deadletter.Letter) {
	l.Key = fmt.Sprintf("L%d", len(w.letters)+1)
	w.letters = append(w.letters, l)
}

func matches(f deadletter.Filter, l deadletter.Letter) bool {
	return (len(f.Keys) == 0 || slices.Contains(f.Keys, l.Key)) && (f.Task == "" || f.Task == l.Task) &&
		(f.Phase == "" || f.Phase == l.Phase) && (f.Fingerprint == "" || f.Fingerprint == l.Fingerprint) &&
		(f.Category == nil || *f.Category == l.Category) && !l.FailedAt.Before(f.FailedAfter) &&
		(f.FailedBefore.IsZero() || !l.FailedAt.After(f.FailedBefore))
}

func (p letterShelf) ListDeadLetters(_ context.Context, f deadletter.Filter, page deadletter.Page) ([]deadletter.Letter, error) {
	p.warehouse.mu.Lock()
	defer p.warehouse.mu.Unlock()
	var found []deadletter.Letter
	begun := page.After == ""
	for _, l := range slices.Backward(p.warehouse.letters) {
		if begun && matches(f, l) && len(found) < page.Limit {
			found = append(found, l)
		}
		begun = begun || l.Key == page.After
	}
	return found, nil
}

func (p letterShelf) GroupDeadLetters(_ context.Context, f deadletter.Filter) ([]deadletter.Group, error) {
	p.warehouse.mu.Lock()
	defer p.warehouse.mu.Unlock()
	var groups []deadletter.Group
	for _, l := range p.warehouse.letters {
		if !matches(f, l) {
			continue
		}
		i := slices.IndexFunc(groups, func(g deadletter.Group) bool { return g.Fingerprint == l.Fingerprint })
		if i < 0 {
			i = len(groups)
			groups = append(groups, deadletter.Group{
				Fingerprint: l.Fingerprint, Task: l.Task, Category: l.Category, Phase: l.Phase, First: l.FailedAt,
			})
		}
		groups[i].Message, groups[i].Last = l.Message, l.FailedAt
		groups[i].Count++
	}
	slices.SortStableFunc(groups, func(a, b deadletter.Group) int { return cmp.Compare(b.Count, a.Count) })
	return groups, nil
}

func (p letterShelf) RetryDeadLetters(_ context.Context, f deadletter.Filter) (int64, error) {
	return p.take(f, func(l deadletter.Letter) bool {
		to := p.warehouse.shelves[l.Queue]
		if to != nil {
			to.in[capability.StateReady] = append(to.in[capability.StateReady], ergon.NewTransaction(l.ID, l.Payload))
		}
		return to != nil
	}), nil
}

func (p letterShelf) DropDeadLetters(_ context.Context, f deadletter.Filter) (int64, error) {
	if err := f.ValidateDrop(); err != nil {
		return 0, err
	}
	return p.take(f, func(deadletter.Letter) bool { return true }), nil
}

func (p letterShelf) take(f deadletter.Filter, out func(deadletter.Letter) bool) int64 {
	p.warehouse.mu.Lock()
	defer p.warehouse.mu.Unlock()
	before := len(p.warehouse.letters)
	p.warehouse.letters = slices.DeleteFunc(p.warehouse.letters, func(l deadletter.Letter) bool { return matches(f, l) && out(l) })
	return int64(before - len(p.warehouse.letters))
}

// forgettingShelf is a shelf that does not remember what was on it.
type forgettingShelf struct{ *shelf }

func (forgettingShelf) ReplayTransactions() {}

// unreportingShelf is a shelf that drops what it knows and does not tell.
type unreportingShelf struct{ *shelf }

func (unreportingShelf) Declare() capability.Declaration {
	return capability.Declaration{Dedup: capability.DedupUnreported}
}

// scroll is a sink that holds the result of one run.
type scroll struct{ drain }

func (scroll) Finish(context.Context) error { return nil }
func (scroll) ReplacesResult() bool         { return true }

// stocked is the registry with what is in the house.
func (w *warehouse) registry() *config.Registry {
	reg := registry()
	config.Connector(reg, "shelf", "a queue", shelfConfig{}, func(c shelfConfig) (*shelf, error) {
		s := w.shelf(c.Name)
		s.max, s.strict = c.Max, c.Strict
		return s, nil
	})
	config.Connector(reg, "chute", "a queue without a memory", shelfConfig{},
		func(c shelfConfig) (forgettingShelf, error) { return forgettingShelf{w.shelf(c.Name)}, nil })
	config.Connector(reg, "pigeonholes", "keeps dead letters", struct{}{},
		func(struct{}) (letterShelf, error) { return letterShelf{w}, nil })
	config.Connector(reg, "mute", "a queue that does not tell", shelfConfig{},
		func(c shelfConfig) (unreportingShelf, error) { return unreportingShelf{w.shelf(c.Name)}, nil })
	config.Connector(reg, "scroll", "holds the result of a run", struct{}{}, func(struct{}) (scroll, error) { return scroll{}, nil })
	return reg
}

// deadNumber is a letter about a number that failed, hours ago.
func deadNumber(task string, n, hours int) deadletter.Letter {
	return deadletter.Letter{Record: deadletter.Record{
		ID: fmt.Sprintf("number:%d", n), Task: task, Category: ergon.CategoryBusiness, Phase: policy.PhaseProcess, Attempts: 1,
		Message: fmt.Sprintf("%d is unlucky", n), Fingerprint: "unlucky-" + task, Deliveries: 1,
		FailedAt: time.Now().Add(-time.Duration(hours) * time.Hour), Metadata: map[string]string{"color": "red"},
		Payload: json.RawMessage(fmt.Sprintf(`{"number":%d}`, n)),
	}}
}
