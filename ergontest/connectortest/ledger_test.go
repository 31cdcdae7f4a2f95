package connectortest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/ergontest/connectortest"
	"github.com/ergon-go/ergon/policy"
)

// ledger is the simplest store that can do everything: its connectors are sound unless it has a flaw.
type ledger struct {
	flaw string

	mu      sync.Mutex
	rows    []*row
	letters []*deadletter.Letter
	keys    int
	history map[string][]deadletter.Failure // by the id of what was retried
}

type row struct {
	queue   string
	tx      ergon.Transaction
	state   capability.QueueState
	due     time.Time
	count   int
	token   int
	settled time.Time
}

type token struct {
	row    *row
	number int
}

var (
	_ capability.Hopper    = (*ledgerQueue)(nil)
	_ capability.Inspector = (*ledgerQueue)(nil)
	_ capability.Replayer  = (*ledgerQueue)(nil)
	_ deadletter.Editor    = (*ledgerLetters)(nil)
)

// ledgerQueue is one of the queues of a ledger.
type ledgerQueue struct {
	*ledger

	name string
}

func (q *ledgerQueue) own(state capability.QueueState) []*row {
	now := time.Now()
	var own []*row
	for _, r := range q.rows {
		if r.state == capability.StateDelayed && !r.due.After(now) {
			r.state = capability.StateReady
		}
		if r.queue == q.name && r.state == state {
			own = append(own, r)
		}
	}
	return own
}

func (q *ledgerQueue) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []ergon.Transaction
	for _, r := range q.own(capability.StateReady) {
		if len(batch) < limit {
			r.state = capability.StateClaimed
			r.count++
			r.token++
			batch = append(batch, r.tx.WithDelivery(ergon.Delivery{Receipt: token{r, r.token}, Count: r.count}))
		}
	}
	return batch, nil
}

var errTooLarge = errors.New("the payload is too large")

func refused() ergon.Transaction { return ergon.NewTransaction("large", []byte(`"refused"`)) }

func checked(batch []ergon.Transaction) map[int]error {
	failures := map[int]error{}
	for i, tx := range batch {
		if tx.ID() == "large" {
			failures[i] = errTooLarge
		}
	}
	return failures
}

func (q *ledgerQueue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	failures := checked(batch)
	if q.flaw == "refuses whole batches and writes" && len(failures) > 0 {
		q.enqueue(batch)
		return errTooLarge
	}
	if q.flaw == "takes what it refuses" {
		failures = nil
	}
	for i, tx := range batch {
		if failures[i] == nil {
			q.admit(ctx, tx)
		}
	}
	return batchError(failures)
}

func batchError(failures map[int]error) error {
	if len(failures) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: failures}
}

// admit tells what it knew.
func (q *ledgerQueue) admit(ctx context.Context, sent ergon.Transaction) {
	tx, content := sent, contentOf(sent)
	result := q.known(tx, content)
	if alternate := tx.AlternateID(content); result == capability.Conflict && alternate != "" && q.flaw != "hops drop what diverged" {
		tx = tx.WithDerivedID(alternate)
		if result = q.known(tx, content); result == "" {
			result = capability.Diverged
		}
	}
	if result != "" && q.flaw != "hops report nothing" {
		capability.ReportDispatch(ctx, sent, result)
	}
	if result == "" || result == capability.Diverged {
		q.enqueue([]ergon.Transaction{tx})
	}
}

func contentOf(tx ergon.Transaction) capability.ContentDigest {
	payload, _ := tx.Payload().([]byte)
	return capability.ContentDigestOf(payload, maps.Collect(tx.AllMetadata()))
}

func (q *ledgerQueue) known(tx ergon.Transaction, content capability.ContentDigest) (result capability.DispatchResult) {
	for _, r := range q.rows {
		if r.queue != q.name || r.tx.ID() != tx.ID() || tx.Arrival() != "" && tx.Arrival() != r.tx.Arrival() {
			continue
		}
		if contentOf(r.tx) == content {
			return capability.Duplicate
		}
		result = capability.Conflict
	}
	return result
}

func (q *ledgerQueue) Declare() capability.Declaration {
	return capability.Declaration{Destination: q.name, Dedup: capability.DedupReported}
}

func (q *ledgerQueue) enqueue(batch []ergon.Transaction) {
	for _, tx := range batch {
		q.rows = append(q.rows, &row{queue: q.name, tx: tx, state: capability.StateReady})
	}
}

func (q *ledgerQueue) current(tx ergon.Transaction) (*row, error) {
	t, ok := tx.Delivery().Receipt.(token)
	switch {
	case !ok:
		return nil, errors.New("not from here")
	case t.row.token != t.number || t.row.state != capability.StateClaimed:
		return nil, capability.ErrStaleDelivery
	default:
		return t.row, nil
	}
}

func (q *ledgerQueue) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	failures := map[int]error{}
	for i, s := range batch {
		r, err := q.current(s.Transaction)
		if err != nil {
			failures[i] = err
			continue
		}
		q.settle(r, s)
	}
	return batchError(failures)
}

func (q *ledgerQueue) settle(r *row, s capability.Settlement) {
	if s.Action == policy.SettleRequeue {
		r.state, r.due = capability.StateDelayed, time.Now().Add(s.Delay)
		return
	}
	r.state, r.settled = capability.StateSettled, time.Now()
}

func (q *ledgerQueue) SharesStore(to ergon.Dispatcher) bool {
	switch to := to.(type) {
	case *ledgerQueue:
		return to.ledger == q.ledger || q.flaw == "shares with everybody"
	case *ledgerLetters:
		return to.ledger == q.ledger
	default:
		return false
	}
}

func (q *ledgerQueue) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	failures := map[int]error{}
	for i, hop := range batch {
		if err := q.hop(ctx, hop); err != nil {
			failures[i] = err
		}
	}
	if q.flaw == "hops fail together" && len(failures) > 0 {
		return capability.ErrStaleDelivery
	}
	return batchError(failures)
}

func (q *ledgerQueue) hop(ctx context.Context, hop capability.Hop) error {
	q.mu.Lock()
	r, err := q.current(hop.Settlement.Transaction)
	if err == nil && q.flaw != "hops do not settle" {
		q.settle(r, hop.Settlement)
	}
	q.mu.Unlock()
	if err != nil && q.flaw == "stale hops report" {
		capability.ReportDispatch(ctx, hop.Outputs[0].Transactions[0], capability.Duplicate)
	}
	if err != nil && q.flaw != "stale hops write" {
		return err
	}
	for _, out := range hop.Outputs {
		if failures := checked(out.Transactions); len(failures) > 0 {
			q.mu.Lock()
			r.state = capability.StateClaimed
			q.mu.Unlock()
			if q.flaw != "hops by half" {
				return failures[slices.Min(slices.Collect(maps.Keys(failures)))]
			}
		}
	}
	for _, out := range hop.Outputs {
		if letters, ok := out.To.(*ledgerLetters); ok {
			letters.write(out.Transactions, q.name)
			continue
		}
		err = errors.Join(err, out.To.DispatchTransactions(ctx, out.Transactions))
	}
	return err
}

func (q *ledgerQueue) InspectQueue(context.Context) (capability.QueueStats, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := capability.QueueStats{
		Ready: int64(len(q.own(capability.StateReady))), Delayed: int64(len(q.own(capability.StateDelayed))),
		Claimed: int64(len(q.own(capability.StateClaimed))), Settled: int64(len(q.own(capability.StateSettled))),
	}
	if q.flaw == "counts what is delayed as ready" {
		stats.Ready, stats.Delayed = stats.Ready+stats.Delayed, 0
	}
	if stats.Ready > 0 {
		stats.OldestReadyAt = time.Now()
	}
	return stats, nil
}

func (q *ledgerQueue) PeekTransactions(ctx context.Context, state capability.QueueState, limit int) ([]ergon.Transaction, error) {
	if q.flaw == "peeking claims" && state == capability.StateReady {
		return q.FetchTransactions(ctx, limit)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []ergon.Transaction
	for _, r := range q.own(state) {
		if len(batch) < limit {
			batch = append(batch, r.tx)
		}
	}
	return batch, nil
}

func (q *ledgerQueue) ReplayTransactions(_ context.Context, f capability.ReplayFilter) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	rows := q.own(capability.StateSettled)
	if q.flaw == "replays what is in flight" {
		rows = append(rows, q.own(capability.StateClaimed)...)
	}
	var n int64
	for _, r := range rows {
		if len(f.IDs) > 0 && !slices.Contains(f.IDs, r.tx.ID()) ||
			!f.SettledAfter.IsZero() && r.settled.Before(f.SettledAfter) || !f.SettledBefore.IsZero() && r.settled.After(f.SettledBefore) {
			continue
		}
		r.state = capability.StateReady
		if q.flaw != "replays as it was" {
			r.tx = r.tx.WithGeneration(r.tx.Generation() + 1).WithArrival(capability.NextArrival(r.tx, q.name))
		}
		n++
	}
	return n, nil
}

// ledgerLetters are the dead letters of a ledger.
type ledgerLetters struct{ *ledger }

func (l *ledgerLetters) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.write(batch, "")
	return nil
}

func (l *ledgerLetters) write(batch []ergon.Transaction, queue string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range batch {
		record := tx.Payload().(deadletter.Record)
		if l.flaw == "forgets the first error" {
			record.FirstError = ""
		}
		if l.flaw == "has one letter of each id" {
			l.letters = slices.DeleteFunc(l.letters, func(other *deadletter.Letter) bool { return other.ID == record.ID })
		}
		l.keys++
		l.letters = append(l.letters, &deadletter.Letter{
			Record: record, Key: fmt.Sprintf("%04d", l.keys), Queue: queue, History: l.history[record.ID],
		})
	}
}

func (l *ledgerLetters) matching(f deadletter.Filter) []*deadletter.Letter {
	var all []*deadletter.Letter
	for _, letter := range l.letters {
		inTime := (f.FailedAfter.IsZero() || !letter.FailedAt.Before(f.FailedAfter)) &&
			(f.FailedBefore.IsZero() || !letter.FailedAt.After(f.FailedBefore))
		if l.flaw == "bounds do not match" && letter.FailedAt.Equal(f.FailedBefore) {
			inTime = false
		}
		category := f.Category == nil || *f.Category == letter.Category
		if l.flaw == "takes SYSTEM for any category" && f.Category != nil && *f.Category == ergon.CategorySystem {
			category = true
		}
		if inTime && category && (len(f.Keys) == 0 || slices.Contains(f.Keys, letter.Key)) && (f.Task == "" || f.Task == letter.Task) &&
			(f.Phase == "" || f.Phase == letter.Phase) && (f.Fingerprint == "" || f.Fingerprint == letter.Fingerprint) {
			all = append(all, letter)
		}
	}
	slices.SortFunc(all, func(a, b *deadletter.Letter) int {
		return cmp.Or(b.FailedAt.Compare(a.FailedAt), cmp.Compare(b.Key, a.Key))
	})
	return all
}

func (l *ledgerLetters) ListDeadLetters(_ context.Context, f deadletter.Filter, p deadletter.Page) ([]deadletter.Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.matching(f)
	if p.After != "" {
		at := slices.IndexFunc(all, func(letter *deadletter.Letter) bool { return letter.Key == p.After })
		last := all[at].FailedAt
		all = all[at+1:]
		if l.flaw == "pages by the time" {
			all = slices.DeleteFunc(all, func(letter *deadletter.Letter) bool { return letter.FailedAt.Equal(last) })
		}
	}
	var page []deadletter.Letter
	for _, letter := range all[:min(p.Limit, len(all))] {
		page = append(page, *letter)
	}
	return page, nil
}

func (l *ledgerLetters) GroupDeadLetters(_ context.Context, f deadletter.Filter) ([]deadletter.Group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	groups := map[string]*deadletter.Group{}
	for _, letter := range l.matching(f) { // the latest first
		g, ok := groups[letter.Fingerprint]
		if !ok {
			g = &deadletter.Group{
				Fingerprint: letter.Fingerprint, Task: letter.Task, Category: letter.Category, Phase: letter.Phase,
				Message: letter.Message, Last: letter.FailedAt,
			}
			groups[letter.Fingerprint] = g
		}
		g.Count++
		g.First = letter.FailedAt
		if l.flaw == "groups say the first message" {
			g.Message = letter.Message
		}
	}
	var all []deadletter.Group
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b deadletter.Group) int { return cmp.Compare(b.Count, a.Count) })
	return all, nil
}

func (l *ledgerLetters) RetryDeadLetters(_ context.Context, f deadletter.Filter) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int64
	for _, letter := range l.matching(f) {
		if letter.Queue == "" && l.flaw != "retries what is from elsewhere" {
			continue
		}
		n++
		l.enqueueAgain(letter, nil)
		if l.flaw != "retry keeps letters" {
			l.letters = slices.DeleteFunc(l.letters, func(other *deadletter.Letter) bool { return other == letter })
		}
	}
	return n, nil
}

func (l *ledgerLetters) enqueueAgain(letter *deadletter.Letter, edit []byte) {
	tx := ergon.NewTransaction(letter.ID, letter.Payload)
	for k, v := range letter.Metadata {
		tx = tx.WithMetadata(k, v)
	}
	if edit != nil && l.flaw != "edits nothing" {
		tx = capability.Edited(tx, edit, capability.ContentDigest{})
	}
	if l.flaw != "retries as it was" {
		tx = tx.WithArrival(capability.NextArrival(tx, letter.Key))
	}
	if l.flaw == "retries as other work" {
		tx = tx.WithGeneration(1)
	}
	l.rows = append(l.rows, &row{queue: letter.Queue, state: capability.StateReady, tx: tx})
	if l.flaw == "retry forgets" {
		return
	}
	l.history[letter.ID] = append(slices.Clone(letter.History), deadletter.Failure{
		Category: letter.Category, Phase: letter.Phase, Message: letter.Message, FailedAt: letter.FailedAt, RetriedAt: time.Now(),
	})
}

func (l *ledgerLetters) EditDeadLetter(_ context.Context, key string, payload []byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, letter := range l.matching(deadletter.Filter{Keys: []string{key}}) {
		l.enqueueAgain(letter, payload)
		l.letters = slices.DeleteFunc(l.letters, func(other *deadletter.Letter) bool { return other == letter })
		return true, nil
	}
	return false, nil
}

func (l *ledgerLetters) DropDeadLetters(_ context.Context, f deadletter.Filter) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := f.ValidateDrop(); err != nil && l.flaw != "drops without being told" {
		return 0, err
	}
	gone := l.matching(f)
	if l.flaw == "drops everything" {
		gone = l.matching(deadletter.Filter{})
	}
	l.letters = slices.DeleteFunc(l.letters, func(letter *deadletter.Letter) bool { return slices.Contains(gone, letter) })
	return int64(len(gone)), nil
}

// ledgerHarness is for a queue, or the letters, of a ledger with a flaw; "" for none.
func ledgerHarness(flaw string, letters bool) connectortest.Harness {
	return connectortest.Harness{
		New: func(*testing.T, []ergon.Transaction) connectortest.Store {
			l := &ledger{flaw: flaw, history: map[string][]deadletter.Failure{}}
			in, out := &ledgerQueue{ledger: l, name: "in"}, &ledgerQueue{ledger: l, name: "out"}
			if letters {
				return connectortest.Store{Connector: &ledgerLetters{l}, OtherQueue: func() any { return in }}
			}
			return connectortest.Store{
				Connector: in, Another: func() any { return in }, OtherQueue: func() any { return out }, Refused: refused,
			}
		},
		Virtual: true, Shared: true, Uncounted: true,
	}
}

func TestSoundStoreBreaksNoRule(t *testing.T) {
	for _, letters := range []bool{false, true} {
		for rule, failures := range connectortest.Violations(t, ledgerHarness("", letters)) {
			t.Errorf("letters %v: %s: %v", letters, rule, failures)
		}
	}
}

func TestBrokenStoreIsCaught(t *testing.T) {
	for flaw, rule := range map[string]string{
		"refuses whole batches and writes": "RefusedItemsAreNamed",
		"takes what it refuses":            "RefusedItemsAreNamed",
		"shares with everybody":            "HopSharesOnlyItsStore",
		"hops do not settle":               "HopSettlesAndDispatches",
		"stale hops write":                 "StaleHopWritesNothing",
		"hops fail together":               "HopsFailOneByOne",
		"hops by half":                     "HopIsAllOrNothing",
		"counts what is delayed as ready":  "InspectCountsByState",
		"peeking claims":                   "PeekingClaimsNothing",
		"replays what is in flight":        "ReplayDeliversSettledOnceMore",
		"replays as it was":                "ReplayIsAnotherGeneration",
		"hops report nothing":              "HopsReportWhatWasKnown",
		"hops drop what diverged":          "HopsReportWhatWasKnown",
		"stale hops report":                "HopsReportWhatWasKnown",
	} {
		t.Run(flaw, func(t *testing.T) { violated(t, ledgerHarness(flaw, false), rule) })
	}
	for flaw, rule := range map[string]string{
		"forgets the first error":        "LettersAreListedAsTheyWereWritten",
		"pages by the time":              "PagesHaveEachLetterOnce",
		"bounds do not match":            "FiltersMatchWhatTheySay",
		"takes SYSTEM for any category":  "FiltersMatchWhatTheySay",
		"groups say the first message":   "GroupsCountLettersThatLookAlike",
		"drops everything":               "DropRemovesWhatMatches",
		"drops without being told":       "DropRemovesWhatMatches",
		"retry keeps letters":            "RetryGivesLettersBack",
		"retry forgets":                  "RetryKeepsTheHistory",
		"retries what is from elsewhere": "LettersFromElsewhereStay",
		"retries as it was":              "RetryIsAnotherArrival",
		"retries as other work":          "RetryIsAnotherArrival",
		"edits nothing":                  "EditedLetterArrives",
		"has one letter of each id":      "EqualIDsReplaceNoLetter",
	} {
		t.Run(flaw, func(t *testing.T) { violated(t, ledgerHarness(flaw, true), rule) })
	}
}

// exampleT is the test that ExampleRun is the body of.
var exampleT *testing.T

func TestExampleOfTheSuite(t *testing.T) {
	exampleT = t
	ExampleRun()
}
