package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// FuzzNothingIsLost drives a loop of random settings over a queue and a connector for dead letters at which random things
// go wrong, with handlers that do, and with a shutdown in the middle. [S2, S4, E3]
func FuzzNothingIsLost(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { runStorm(t, seed) })
	})
}

// afterFaults is when everything that came late has come.
const afterFaults = 100 * time.Hour

func runStorm(t *testing.T, seed uint64) {
	t.Helper()
	s := newFaultRun(seed)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if s.random.IntN(2) == 0 {
		time.AfterFunc(s.upTo(90*time.Second), cancel)
		force := make(chan struct{})
		s.Force = force
		if s.random.IntN(3) == 0 {
			time.AfterFunc(s.upTo(120*time.Second), func() { close(force) })
		}
	}
	began := time.Now()
	s.start(ctx, t)
	for range s.random.IntN(4) {
		at := s.upTo(90 * time.Second)
		time.AfterFunc(at, s.consumer.Pause)
		time.AfterFunc(at+s.upTo(time.Minute), s.consumer.Resume)
	}
	err := s.wait()
	snapshot := s.consumer.Snapshot()
	const bound = 30*time.Minute + 5*time.Minute // the loop's timeout, and its shutdown
	if took := time.Since(began); took > bound {
		t.Errorf("the loop took %s, bounded by %s", took, bound)
	}
	time.Sleep(afterFaults)
	if t.Failed() {
		t.Logf("ended with %v after %+v", err, snapshot)
	}
	s.ledger.check(t, err, snapshot)
	s.checkNothingLost(t)
	if t.Failed() {
		t.Logf("seed %d: %+v\nfaults %v", seed, s.Policy.Loop, s.faults)
	}
}

// faultRun is one random loop.
type faultRun struct {
	*rig

	seed    uint64
	random  *rand.Rand
	ids     []string
	faults  []memory.Fault
	letters *memory.Queue
	ledger  *ledger
}

func newFaultRun(seed uint64) *faultRun {
	s := &faultRun{seed: seed, random: rand.New(rand.NewPCG(seed, 0))}
	s.ids = numbered(1 + s.random.IntN(40))
	txs := transactionsOf(s.ids...)
	for i := range txs {
		if key := s.random.IntN(6); key > 0 {
			txs[i] = txs[i].WithOrderingKey(fmt.Sprint(key))
		}
	}
	s.rig = newRig(s.task())
	s.randomPolicy()
	for range s.random.IntN(8) {
		s.faults = append(s.faults, s.randomFault())
	}
	settings := memory.Settings{Transactions: txs, Finite: true, Record: true, Order: capability.OrderNone}
	if s.random.IntN(2) == 0 {
		settings.Order = capability.OrderKey
	}
	s.ledger = newLedger()
	s.ledger.order = settings.Order
	if s.random.IntN(2) == 0 {
		q := memory.NewLeased(settings, time.Minute)
		s.Queue = q.Queue
		s.ledger.settlingSource = memory.WithLeaseFaults(q, s.faults...)
		s.Source = &leasedLedger{ledger: s.ledger, LeaseKeeper: s.ledger.settlingSource.(capability.LeaseKeeper)}
	} else {
		s.Queue = memory.New(settings)
		s.ledger.settlingSource = memory.WithFaults(s.Queue, s.faults...)
		s.Source = s.ledger
	}
	s.letters = memory.New(memory.Settings{})
	s.ledger.letters = s.letters
	if s.random.IntN(4) > 0 {
		var faults []memory.Fault
		for range s.random.IntN(3) {
			faults = append(faults, s.randomFaultOn(memory.OnDispatch))
		}
		s.withDeadLetters(memory.WithFaults(s.letters, faults...))
	}
	s.ledger.holdsRequeued = s.Policy.Loop.Ordering == policy.OrderingKey && s.ledger.order != capability.OrderKey
	s.OnEnd = s.ledger.ended
	s.Logger = slog.New(slog.DiscardHandler)
	s.watchers()
	return s
}

// watchers are what telemetry is told by, some of which misbehave at random places, a few times or for good [F1]. The spans of
// transactions are left alone: their bound is the worker that starts them.
func (s *faultRun) watchers() {
	misbehave := func() func() {
		hang, times := s.upTo(10*time.Hour), int64(1+s.random.IntN(8)) // all over before afterFaults
		do := []func(){func() { time.Sleep(hang) }, func() { panic("telemetry") }, runtime.Goexit}[s.random.IntN(3)]
		var met atomic.Int64
		return func() {
			if met.Add(1) <= times {
				do()
			}
		}
	}
	if s.random.IntN(2) == 0 {
		of := []spans.Instrument{
			spans.ConsumedMessages, spans.OperationDuration, spans.AttemptDuration, spans.ProcessDuration, spans.Transactions,
		}[s.random.IntN(5)]
		do := misbehave()
		s.MeterProvider = foreignMeters{do: func(instrument string, _ int64) {
			if instrument == of.Name {
				do()
			}
		}}
	}
	if s.random.IntN(2) == 0 {
		p := &starting{
			do: misbehave(),
			name: []string{
				spans.TaskRun, spans.Fetch, spans.Settle, spans.DeadLetter, spans.ExtendLeases,
				spans.Fetch + " attempt 1", spans.Settle + " attempt 1",
			}[s.random.IntN(7)],
		}
		s.TracerProvider = p.tracing()
	}
}

func (s *faultRun) upTo(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(d)))
}

func (s *faultRun) randomPolicy() {
	r, p := s.random, &s.Policy
	p.Loop.Execution = []policy.Execution{policy.ExecutionAsync, policy.ExecutionSync}[r.IntN(2)]
	p.Loop.Mode = []policy.Mode{policy.ModeContinuous, policy.ModeBatch}[r.IntN(2)]
	p.Loop.Ordering = []policy.Ordering{policy.OrderingNone, policy.OrderingKey}[r.IntN(2)]
	p.Loop.OnException = []policy.OnException{
		policy.OnExceptionDeadLetter, policy.OnExceptionDiscard, policy.OnExceptionRequeue,
	}[r.IntN(3)]
	p.Loop.Timeout = 30 * time.Minute
	p.Loop.HoldAtMost = time.Second + s.upTo(10*time.Minute)
	p.Loop.Order.Held = 1 + r.IntN(20)
	p.Loop.TransactionTimeout = 30*time.Second + s.upTo(2*time.Minute)
	p.Loop.Concurrency.Value = 1 + r.IntN(8)
	p.Loop.Concurrency.Headroom = 20 + r.IntN(20)
	p.Loop.Concurrency.Waiting = r.IntN(10)
	p.Loop.Batch.Size = 1 + r.IntN(10)
	p.Loop.Batch.Prefetch = r.IntN(p.Loop.Concurrency.Value)
	if r.IntN(4) == 0 {
		p.Loop.Limit = 1 + r.Int64N(30)
	}
	if p.Loop.Mode == policy.ModeBatch && r.IntN(2) == 0 {
		p.Loop.Batch.Fill, p.Loop.Batch.MinSize, p.Loop.Batch.MaxSize = s.upTo(p.Loop.HoldAtMost), 1+r.IntN(p.Loop.Batch.Size), 10
	}
	if r.IntN(4) == 0 {
		p.Loop.Outage.After, p.Loop.Outage.SameProbe = 1+r.IntN(4), r.IntN(3)
	}
	for _, step := range []*policy.Step{&p.Process, &p.Success, &p.Exception} {
		*step = retrying(1+r.IntN(3), time.Second+s.upTo(20*time.Second), s.upTo(5*time.Second))
	}
	p.Fetch.Retry = retrying(1+r.IntN(3), time.Second+s.upTo(20*time.Second), s.upTo(time.Second)).Retry
	p.Settle.Retry = retrying(1+r.IntN(3), time.Second+s.upTo(20*time.Second), s.upTo(time.Second)).Retry
	p.Settle.Size, p.Settle.Interval = 1+r.IntN(6), s.upTo(3*time.Second)
	s.Shutdown = policy.Shutdown{Grace: s.upTo(time.Minute), Force: s.upTo(10 * time.Second)}
}

func (s *faultRun) randomFault() memory.Fault {
	switch s.random.IntN(10) {
	case 0:
		return s.placed(memory.Duplicate())
	case 1:
		return s.placed(memory.Reorder(s.seed))
	case 2:
		return s.placed(memory.OverDeliver(1 + s.random.IntN(5)))
	case 3:
		return s.placed(memory.LoseAck())
	case 4:
		return s.placed(memory.DropDelivery(s.randomOperation()))
	default:
		return s.randomFaultOn(s.randomOperation())
	}
}

func (s *faultRun) randomOperation() memory.Operation {
	return []memory.Operation{memory.OnFetch, memory.OnSettle, memory.OnExtend}[s.random.IntN(3)]
}

// randomFaultOn is a call that fails, takes effect and fails, or takes long.
func (s *faultRun) randomFaultOn(on memory.Operation) memory.Fault {
	switch s.random.IntN(4) {
	case 0:
		return s.placed(memory.Fail(on, nil))
	case 1:
		return s.placed(memory.LoseReply(on, nil))
	case 2:
		return s.placed(memory.Stall(on, s.upTo(time.Minute)))
	default:
		return s.placed(memory.Stall(on, s.upTo(time.Minute)).IgnoringContext())
	}
}

// placed strikes some calls, for all transactions or some.
func (s *faultRun) placed(f memory.Fault) memory.Fault {
	f = f.At(1 + s.random.IntN(6)).Times(1 + s.random.IntN(4))
	if s.random.IntN(2) == 0 {
		f = f.For(s.ids[s.random.IntN(len(s.ids))], s.ids[s.random.IntN(len(s.ids))])
	}
	return f
}

// task misbehaves at random for the first deliveries of a transaction and then succeeds, so that every faultRun ends.
func (s *faultRun) task() ergon.Task {
	return ergon.Task{
		Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { return nil, s.behave(ctx, tx) },
		Success: func(ctx context.Context, tx ergon.Transaction, _ any) error {
			err := s.behave(ctx, tx)
			if err == nil {
				s.ledger.succeeded(tx)
			}
			return err
		},
		Exception: func(ctx context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
			d := []ergon.Disposition{{}, {}, ergon.DeadLetter(), ergon.Discard(), ergon.Requeue(time.Second)}[s.randomOf(ctx, tx).IntN(5)]
			return d, s.behave(ctx, tx)
		},
	}
}

// randomOf depends on the seed and on the attempt only, not on what runs beside it.
func (s *faultRun) randomOf(ctx context.Context, tx ergon.Transaction) *rand.Rand {
	scope, _ := spans.ScopeFrom(ctx)
	h := fnv.New64a()
	fmt.Fprint(h, tx.ID(), " ", tx.Delivery().Count, " ", scope.Phase, " ", scope.Attempt)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

func (s *faultRun) behave(ctx context.Context, tx ergon.Transaction) error {
	randomOf := s.randomOf(ctx, tx)
	if tx.Delivery().Count > 3 {
		return nil
	}
	time.Sleep(time.Duration(randomOf.Int64N(int64(2 * time.Second))))
	switch randomOf.IntN(14) {
	case 0:
		return ergon.Business(errRefused)
	case 1, 2:
		return errors.New("broken")
	case 3:
		panic("broken")
	case 4:
		runtime.Goexit()
	case 5:
		<-ctx.Done()
		return ctx.Err()
	case 6:
		time.Sleep(time.Duration(randomOf.Int64N(int64(time.Minute)))) // whatever becomes of the context
	}
	return nil
}

// checkNothingLost wants every transaction that was not settled for good to be in the queue still.
func (s *faultRun) checkNothingLost(t *testing.T) {
	t.Helper()
	kept := map[string]bool{}
	_ = s.Queue.Close(t.Context()) // requeues what is in flight
	_ = s.Queue.Open(t.Context())
	for {
		txs, err := s.Queue.FetchTransactions(t.Context(), 100)
		if errors.Is(err, ergon.ErrExhausted) || len(txs) == 0 {
			break
		}
		for _, tx := range txs {
			kept[tx.ID()] = true
			acked := capability.Settlement{Transaction: tx, Action: policy.SettleAck} // so that the next of its key comes
			if err := s.Queue.SettleTransactions(t.Context(), []capability.Settlement{acked}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, settlement := range s.Queue.Settlements() {
		if settlement.Action != policy.SettleRequeue {
			kept[settlement.Transaction.ID()] = true
		}
	}
	for _, id := range s.ids {
		if !kept[id] {
			t.Errorf("transaction %s is gone: neither settled nor in its source", id)
		}
	}
}

// ledger is the source of a faultRun and keeps the durableState: what was delivered, what each delivery came to, and what the source
// was told about it. A delivery is known by its receipt.
type ledger struct {
	settlingSource

	letters       *memory.Queue
	order         capability.Order // what it declares; and what the queue behind it does
	holdsRequeued bool             // the loop keeps what is requeued

	mu         sync.Mutex
	deliveries map[any]*deliveryRecord
	violations []string
}

// deliveryRecord is all that happened to one delivery.
type deliveryRecord struct {
	tx      ergon.Transaction
	outcome []pipeline.Outcome
	actions []policy.SettleAction
	success bool // its last handler was called and succeeded
	settled bool // the engine was told so
}

type leasedLedger struct {
	*ledger
	capability.LeaseKeeper
}

var (
	_ settlingSource = (*ledger)(nil)
	_ leasedSource   = (*leasedLedger)(nil)
)

func newLedger() *ledger { return &ledger{deliveries: map[any]*deliveryRecord{}} }

func (l *ledger) violationf(format string, args ...any) {
	l.violations = append(l.violations, fmt.Sprintf(format, args...))
}

// FetchTransactions enters what is delivered.
func (l *ledger) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	txs, err := l.settlingSource.FetchTransactions(ctx, limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range txs {
		l.deliveries[tx.Delivery().Receipt] = &deliveryRecord{tx: tx}
	}
	return txs, err
}

// SettleTransactions enters what the source is told and what it answers. An answer after the deadline is not heard.
func (l *ledger) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	l.enter(ctx, batch)
	err := l.settlingSource.SettleTransactions(ctx, batch)
	if ctx.Err() != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	partly, partial := errors.AsType[*ergon.BatchError](err)
	for i, s := range batch {
		failed := err != nil && (!partial || partly.Failures[i] != nil && !errors.Is(partly.Failures[i], capability.ErrStaleDelivery))
		if a := l.deliveries[s.Transaction.Delivery().Receipt]; a != nil && !failed {
			a.settled = true
		}
	}
	return err
}

func (l *ledger) enter(ctx context.Context, batch []capability.Settlement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	inBatch := map[any]bool{}
	for _, s := range batch {
		receipt := s.Transaction.Delivery().Receipt
		a := l.deliveries[receipt]
		switch {
		case a == nil:
			l.violationf("%s: settled a delivery that never was", settlementText(s))
			continue
		case inBatch[receipt]:
			l.violationf("%s: settled twice in one batch", settlementText(s))
		case a.settled:
			l.violationf("%s: settled again", settlementText(s))
		case len(a.actions) > 0 && a.actions[0] != s.Action:
			l.violationf("%s: settled otherwise before: %s", settlementText(s), a.actions[0])
		}
		inBatch[receipt] = true
		a.actions = append(a.actions, s.Action)
		l.justified(ctx, a, s)
	}
}

// justified wants a transaction to leave its source only when its outcome is durable somewhere.
func (l *ledger) justified(ctx context.Context, a *deliveryRecord, s capability.Settlement) {
	if s.Action != policy.SettleAck {
		return
	}
	switch {
	case len(a.ends(l.holdsRequeued)) != 1:
		l.violationf("%s: acknowledged after %d ends of its lifecycle", settlementText(s), len(a.outcome))
	case a.last() == pipeline.Succeeded || a.last() == pipeline.Discarded:
	case a.last() == pipeline.HandlerFailed && l.letters == nil:
	case !l.hasLetter(ctx, s.Transaction.ID()):
		l.violationf("%s: acknowledged as %s, but there is no dead letter", settlementText(s), a.last())
	}
}

// hasLetter looks for a dead letter and leaves it where it is.
func (l *ledger) hasLetter(ctx context.Context, id string) bool {
	ctx = context.WithoutCancel(ctx)
	letter, err := l.letters.FetchTransactionByID(ctx, id)
	if err != nil {
		return false
	}
	return l.letters.SettleTransactions(ctx, []capability.Settlement{
		{Transaction: letter, Action: policy.SettleRequeue, Interrupted: true},
	}) == nil
}

func (l *ledger) succeeded(tx ergon.Transaction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliveries[tx.Delivery().Receipt].success = true
}

func (l *ledger) ended(result pipeline.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.deliveries[result.Transaction.Delivery().Receipt]
	if a == nil {
		l.violationf("transaction %s ended and was never delivered", result.Transaction.ID())
		return
	}
	a.outcome = append(a.outcome, result.Outcome)
	if result.Outcome == pipeline.Succeeded && !a.success {
		l.violationf("transaction %s succeeded and was never processed", result.Transaction.ID())
	}
}

// Declare says who keeps the order of keys.
func (l *ledger) Declare() capability.Declaration { return capability.Declaration{Order: l.order} }

// ends are those after the requeues over which the loop keeps a delivery.
func (a *deliveryRecord) ends(holdsRequeued bool) []pipeline.Outcome {
	ends := a.outcome
	for holdsRequeued && len(ends) > 1 && ends[0] == pipeline.Requeued {
		ends = ends[1:]
	}
	return ends
}

func (a *deliveryRecord) last() pipeline.Outcome { return a.outcome[len(a.outcome)-1] }

// check balances the durableState.
func (l *ledger) check(t *testing.T, err error, snapshot pipeline.Snapshot) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, complaint := range l.violations {
		t.Error(complaint)
	}
	for _, a := range l.deliveries {
		name := fmt.Sprintf("transaction %s, delivery %d", a.tx.ID(), a.tx.Delivery().Count)
		if len(a.ends(l.holdsRequeued)) > 1 {
			t.Errorf("%s ended %d times: %v", name, len(a.outcome), a.outcome)
		}
		redelivered := len(a.outcome) > 0 && a.last() == pipeline.Redelivered
		if len(a.actions) == 0 && !redelivered && !errors.Is(err, pipeline.ErrUnsettled) {
			t.Errorf("%s was never settled; it ended as %v", name, a.outcome)
		}
	}
	if snapshot.InFlight != 0 || snapshot.Ended() != snapshot.Fetched {
		t.Errorf("got %d in flight and %d of %d ended in the snapshot, want all", snapshot.InFlight, snapshot.Ended(), snapshot.Fetched)
	}
}
