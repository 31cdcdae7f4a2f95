package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// scriptedSource delivers each of its transactions once, and says of some that their leases are lost.
type scriptedSource struct {
	mu      sync.Mutex
	waiting []ergon.Transaction
	lost    map[string]bool
	settled map[string][]string
}

var (
	_ ergon.Fetcher          = (*scriptedSource)(nil)
	_ capability.Settler     = (*scriptedSource)(nil)
	_ capability.LeaseKeeper = (*scriptedSource)(nil)
)

func (s *scriptedSource) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(limit, len(s.waiting))
	txs := s.waiting[:n:n]
	if s.waiting = s.waiting[n:]; len(s.waiting) == 0 {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

func (s *scriptedSource) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, settlement := range batch {
		text := settlement.Action.String()
		if settlement.Interrupted {
			text += " interrupted"
		}
		if settlement.Delay > 0 {
			text += " after " + settlement.Delay.String()
		}
		id := settlement.Transaction.ID()
		s.settled[id] = append(s.settled[id], text)
	}
	return nil
}

func (s *scriptedSource) LeaseDuration() time.Duration { return leaseDuration }

func (s *scriptedSource) ExtendLeases(_ context.Context, batch []ergon.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failures := map[int]error{}
	for i, tx := range batch {
		if s.lost[tx.ID()] {
			failures[i] = capability.ErrStaleDelivery
		}
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

func (s *scriptedSource) lose(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost[id] = true
}

// scenarioRun is a scenario on the real engine.
type scenarioRun struct {
	scenario
	*rig

	source   *scriptedSource
	begin    time.Time
	shutDown context.CancelFunc
	theEnd   chan struct{} // for handlers that ignore their context

	callsMu sync.Mutex
	order   []string // in which transactions began
	calls   map[string][]string
	done    map[string]int // acts
}

func newScenarioRun(s scenario) *scenarioRun {
	p := &scenarioRun{
		scenario: s, rig: newRig(ergon.Task{}), begin: time.Now(), theEnd: make(chan struct{}),
		calls: map[string][]string{}, done: map[string]int{},
		source: &scriptedSource{
			waiting: transactionsOf(numbered(len(s.acts))...), lost: map[string]bool{}, settled: map[string][]string{},
		},
	}
	p.Source, p.Policy = p.source, s.policy()
	p.Shutdown = policy.Shutdown{Grace: 0, Force: time.Hour}
	p.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
		return nil, p.act(ctx, tx, lifecycle.Process, "")
	}
	if s.plan.HasSuccess {
		p.Handlers.Success = func(ctx context.Context, tx ergon.Transaction, _ any) error {
			return p.act(ctx, tx, lifecycle.Success, "")
		}
	}
	if s.plan.HasException {
		p.Handlers.Exception = func(
			ctx context.Context, tx ergon.Transaction, cause *ergon.TransactionError,
		) (ergon.Disposition, error) {
			told := fmt.Sprintf(" of %v %v %d", cause.Phase, cause.Category, cause.Attempts)
			return s.disposition, p.act(ctx, tx, lifecycle.Exception, told)
		}
	}
	return p
}

// act writes down a call and does what the scenario says.
func (p *scenarioRun) act(ctx context.Context, tx ergon.Transaction, phase lifecycle.Phase, told string) error {
	id := tx.ID()
	i, _ := strconv.Atoi(id)
	p.callsMu.Lock()
	if len(p.calls[id]) == 0 {
		p.order = append(p.order, id)
	}
	attempt := 1
	for _, call := range p.calls[id] {
		var at, of string
		fmt.Sscan(call, &at, &of)
		if of == phase.String() {
			attempt++
		}
	}
	p.calls[id] = append(p.calls[id], fmt.Sprintf("%v %v %d%s", time.Since(p.begin), phase, attempt, told))
	var do act
	if n := p.done[id]; n < len(p.acts[i]) {
		do = p.acts[i][n]
	}
	p.done[id]++
	p.callsMu.Unlock()
	return p.do(ctx, id, do)
}

func (p *scenarioRun) do(ctx context.Context, id string, do act) error {
	switch do.action {
	case losesLeaseIgnoring:
		p.source.lose(id)
		fallthrough
	case ignoresContext:
		<-p.theEnd
		return ergon.Business(errScripted)
	case beginsShutdown:
		p.shutDown()
		<-ctx.Done()
		return ctx.Err()
	case losesLease:
		p.source.lose(id)
		<-ctx.Done()
		return ctx.Err()
	case respectsContext:
		<-ctx.Done()
		return ctx.Err()
	default:
		time.Sleep(do.took)
		return do.action.end(p.ownDelay())
	}
}

// end ends a handler that waits for nothing.
func (d action) end(own time.Duration) error {
	switch d {
	case returnsBusiness:
		return ergon.Business(errScripted)
	case returnsPermanent:
		return ergon.Permanent(errScripted)
	case returnsSystem:
		return errScripted
	case returnsDelayed:
		return ergon.RetryAfter(errScripted, own)
	case panics:
		panic(errScripted)
	case exits:
		runtime.Goexit()
	default: // returnsOK
	}
	return nil
}

// compare runs a scenario and compares what happened with what the model says.
func compare(t *testing.T, s scenario) {
	t.Helper()
	p := newScenarioRun(s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.shutDown = cancel
	p.start(ctx, t)
	err := p.wait()
	close(p.theEnd)
	time.Sleep(16 * actUnit) // whatever was given up has returned
	synctest.Wait()
	var begin time.Duration
	givenUp, interrupted := 0, false
	for at, id := range p.order {
		i, _ := strconv.Atoi(id)
		want, end := s.predict(s.acts[i], begin)
		p.wantPrediction(t, id, want)
		givenUp += want.givenUp
		if interrupted = want.interrupted; interrupted && at < len(p.order)-1 {
			t.Errorf("transactions %v began after %s was interrupted", p.order[at+1:], id)
		}
		if !s.parallel {
			begin = end
		}
	}
	if begun := len(p.order); begun < len(s.acts) && !interrupted {
		t.Errorf("only %d of %d transactions began", begun, len(s.acts))
	}
	p.wantOthersReleased(t)
	if interrupted != (err != nil) {
		t.Errorf("the loop ended with %v, shut down: %v", err, interrupted)
	}
	if got := p.consumer.Snapshot(); got.Late != int64(givenUp) || got.Abandoned != 0 {
		t.Errorf("got %d late and %d abandoned, want %d and 0", got.Late, got.Abandoned, givenUp)
	}
}

func (p *scenarioRun) wantPrediction(t *testing.T, id string, want prediction) {
	t.Helper()
	if diff := cmp.Diff(want.calls, p.calls[id]); diff != "" {
		t.Errorf("transaction %s: calls (-want +got):\n%s", id, diff)
	}
	if got := p.resultOf(t, id); got.Outcome != want.outcome || (got.Err == nil) != (want.outcome == pipeline.Succeeded) {
		t.Errorf("transaction %s: got %v with %v, want %v", id, got.Outcome, got.Err, want.outcome)
	}
	var settled []string
	if want.settlement != "" {
		settled = []string{want.settlement}
	}
	if diff := cmp.Diff(settled, p.source.settled[id]); diff != "" {
		t.Errorf("transaction %s: settlements (-want +got):\n%s", id, diff)
	}
}

// wantOthersReleased wants what never began to be requeued, or never to have been fetched.
func (p *scenarioRun) wantOthersReleased(t *testing.T) {
	t.Helper()
	for id, settled := range p.source.settled {
		if len(p.calls[id]) == 0 && !cmp.Equal(settled, []string{"requeue interrupted"}) {
			t.Errorf("transaction %s, which never began: got settlements %v", id, settled)
		}
	}
	for _, result := range p.all() {
		if id := result.Transaction.ID(); len(p.calls[id]) == 0 && result.Outcome != pipeline.Interrupted {
			t.Errorf("transaction %s, which never began: got %v", id, result.Outcome)
		}
	}
}

// decode makes a scenario of any bytes: two for the policy, two for how it is run, and one for each act. A byte of 0xff
// ends the acts of a transaction.
func decode(data []byte) scenario {
	head := [4]byte{}
	data = data[copy(head[:], data):]
	s := scenario{
		plan: lifecycle.Plan{
			Attempts:   [lifecycle.Phases]int{1 + int(head[0]&3), 1, 1 + int(head[0]>>2&3), 1 + int(head[0]>>4&3)},
			HasSuccess: head[0]>>6&1 == 0, HasException: head[0]>>7 == 0,
		},
		execution:   [...]policy.Execution{policy.ExecutionAsync, policy.ExecutionSync}[head[1]&1],
		parallel:    head[1]>>1&1 == 1,
		bounded:     head[1]>>2&1 == 1,
		prefetch:    int(head[1] >> 3 & 1),
		onException: [...]policy.OnException{policy.OnExceptionDeadLetter, policy.OnExceptionRequeue, policy.OnExceptionDiscard}[head[2]%3],
		disposition: [...]ergon.Disposition{{}, ergon.DeadLetter(), ergon.Discard(), ergon.Requeue(42 * time.Second)}[head[3]&3],
		acts:        [][]act{nil},
	}
	if s.parallel {
		s.prefetch = 0
	}
	for _, b := range data[:min(len(data), 64)] {
		last := len(s.acts) - 1
		if b == 0xff && last < 4 {
			s.acts = append(s.acts, nil)
			continue
		}
		do := act{action: action(b&15) % actions, took: time.Duration(b>>4) * actUnit}
		if do.action == beginsShutdown && s.parallel {
			do.action = returnsSystem // what the others are at then is another matter
		}
		s.acts[last] = append(s.acts[last], do)
	}
	return s
}

// [P1, P2, P3, P4, R1, R2, T1, T3] Whatever the policy is and the handlers do, the engine calls them, and settles, exactly as
// the state machine says, to the nanosecond.
func FuzzPipelineAgainstLifecycle(f *testing.F) {
	const plain, noSuccess, noException = 0b00_01_10_01, 0b01_01_10_01, 0b10_01_10_01 // attempts 2, 3, 2
	const single = 0b10_00_00_00
	const async, oneByOne, parallel, bounded, prefetch = 0, 1, 2, 4, 8
	for event := range actions { // every action alone, in each phase, again after a retry, with and without handlers
		d := byte(event)
		for _, handlers := range []byte{plain, noSuccess, noException, single} {
			for _, run := range []byte{async, oneByOne, bounded, oneByOne | prefetch, parallel | bounded} {
				f.Add([]byte{
					handlers, run, 0, 0, d | 0x30, 0xff, byte(returnsOK), d, 0xff, byte(returnsBusiness), d, 0xff,
					byte(returnsSystem), d | 0x50, 0xff, d, d, d, d,
				})
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		data := make([]byte, 4+random.IntN(30))
		for i := range data {
			data[i] = byte(random.Uint32())
			if i > 4 && random.IntN(6) == 0 {
				data[i] = 0xff
			}
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { compare(t, decode(data)) })
	})
}
