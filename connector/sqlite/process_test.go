package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
)

// The variables by which this test binary is made a program that works on a file.
const (
	roleVariable = "ERGON_SQLITE_TEST_ROLE"
	fileVariable = "ERGON_SQLITE_TEST_FILE"
)

func TestMain(m *testing.M) {
	role, ok := map[string]func(context.Context, *site) error{"": nil, "hop": hopUntilTold, "steps": takeEachStep}[os.Getenv(roleVariable)]
	switch {
	case !ok:
		fmt.Fprintln(os.Stderr, "no such role")
		os.Exit(2)
	case role == nil:
		os.Exit(m.Run())
	}
	ctx := context.Background()
	s, err := openSite(ctx, os.Getenv(fileVariable))
	if err == nil {
		err = errors.Join(role(ctx, s), s.close(ctx))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// site is a file with two queues and dead letters, as a process that works on it has it open. What comes out has ids of
// its own and is not remembered, so that whatever is done twice is seen.
type site struct {
	in, out *sqlite.Queue
	dead    *sqlite.DeadLetters
}

const shortLease = 2 * time.Second

func openSite(ctx context.Context, path string) (s *site, err error) {
	queue := func(name string, window time.Duration) *sqlite.Queue {
		settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
		settings.Path, settings.Queue, settings.Durability, settings.DedupWindow = path, name, sqlite.DurabilityNormal, window
		settings.Lease, settings.MaxWait, settings.MaxDeliveries = shortLease, 50*time.Millisecond, 0
		settings.BusyTimeout = time.Minute
		q, made := sqlite.NewQueue(settings)
		err = errors.Join(err, made)
		return q
	}
	s = &site{in: queue("in", time.Hour), out: queue("out", 0)}
	settings := sqlite.DeadLettersSettings{DeadLettersConfig: sqlite.DefaultDeadLettersConfig()}
	settings.Path, settings.BusyTimeout = path, time.Minute
	s.dead, _ = sqlite.NewDeadLetters(settings)
	if err == nil {
		err = errors.Join(s.in.Open(ctx), s.out.Open(ctx), s.dead.Open(ctx))
	}
	return s, err
}

func (s *site) close(ctx context.Context) error {
	return errors.Join(s.in.Close(ctx), s.out.Close(ctx), s.dead.Close(ctx))
}

// hopUntilTold moves what comes from in to out and says so, batch by batch, until its standard input ends and nothing is left.
func hopUntilTold(ctx context.Context, s *site) error {
	told := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(told)
	}()
	for {
		batch, err := s.in.FetchTransactions(ctx, 10)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			stats, err := s.in.InspectQueue(ctx)
			if err != nil || isClosed(told) && stats.Ready+stats.Delayed+stats.Claimed == 0 {
				return err
			}
			continue
		}
		hops := make([]capability.Hop, len(batch))
		for i, tx := range batch {
			hops[i] = hop(tx, capability.Output{To: s.out, Transactions: []ergon.Transaction{ergon.NewTransaction("", tx.ID())}})
		}
		if err := s.in.HopTransactions(ctx, hops); err != nil && !errors.Is(err, capability.ErrStaleDelivery) {
			return err
		}
		fmt.Println("hopped")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// program is this binary in a role.
type program struct {
	*exec.Cmd

	tell io.Closer     // ends its standard input
	said chan struct{} // it has said something since; closed when it has ended
}

func start(t *testing.T, role, path string, environment ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.CommandContext(t.Context(), os.Args[0]), said: make(chan struct{}, 1)}
	p.Env = append(append(os.Environ(), roleVariable+"="+role, fileVariable+"="+path), environment...)
	p.Stderr = os.Stderr
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.tell = in
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			select {
			case p.said <- struct{}{}:
			default:
			}
		}
		close(p.said)
	}()
	return p
}

// end waits for it, until all that it said is heard.
func (p *program) end() error {
	for range p.said {
	}
	return p.Wait()
}

// [B3] Two processes compete for a queue, and one of them is killed again and again, at work.
func TestEachTransactionHopsOnceWhoeverIsKilled(t *testing.T) {
	path := newBench(t).path
	s, err := openSite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	steady, n := start(t, "hop", path), 0
	for range 5 {
		doomed := start(t, "hop", path)
		for heard := false; !heard; n += 30 {
			dispatch(t, s.in, numberedFrom(n, 30)...)
			select {
			case <-steady.said:
			case <-doomed.said:
				heard = true
			}
		}
		if err := doomed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := doomed.end(); err == nil {
			t.Fatal("it came to its end")
		}
	}
	if err := errors.Join(steady.tell.Close(), steady.end()); err != nil {
		t.Fatalf("the process that was left alone: %v", err)
	}
	count := map[string]int{}
	for _, tx := range fetch(t, s.out, 2*n) {
		count[string(tx.Payload().([]byte))]++
	}
	for id, times := range count {
		if times != 1 {
			t.Errorf("%s came out %d times", id, times)
		}
	}
	if len(count) != n {
		t.Errorf("%d came out, want %d", len(count), n)
	}
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, path)
}

func numberedFrom(from, n int) []ergon.Transaction {
	all := make([]ergon.Transaction, n)
	for i := range all {
		all[i] = transaction(fmt.Sprint("t", from+i))
	}
	return all
}

// What a process does is seen by another that waits.
func TestFetchSeesWhatAnotherProcessDispatches(t *testing.T) {
	path := newBench(t).path
	settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	settings.Path, settings.Queue, settings.MaxWait = path, "out", time.Minute
	out, err := sqlite.NewQueue(settings)
	if err != nil {
		t.Fatal(err)
	}
	open(t, out)
	s, err := openSite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	dispatch(t, s.in, transaction("t1"))
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := start(t, "hop", path)
	wantFetched(t, out, fetchedID(t, out, "t1"))
	if err := errors.Join(other.tell.Close(), other.end()); err != nil {
		t.Error(err)
	}
}

// fetchedID fetches one, wants its payload, gives it back and returns its id.
func fetchedID(t *testing.T, from *sqlite.Queue, want string) string {
	t.Helper()
	batch := fetch(t, from, 1)
	if len(batch) != 1 || string(batch[0].Payload().([]byte)) != want {
		t.Fatalf("got %v, want %s", batch, want)
	}
	settle(t, from, interrupted, batch...)
	return batch[0].ID()
}

// takeEachStep does each thing that has a failpoint, on its own transaction, as far as that has not been done.
func takeEachStep(ctx context.Context, s *site) error {
	if err := s.in.DispatchTransactions(ctx, transactions("hop", "die", "ack")); err != nil {
		return err
	}
	for {
		stats, err := s.in.InspectQueue(ctx)
		if err != nil {
			return err
		}
		if stats.Ready+stats.Delayed+stats.Claimed == 0 {
			if n, err := s.retryOnce(ctx); n == 0 || err != nil {
				return err
			}
			continue
		}
		batch, err := s.in.FetchTransactions(ctx, 10)
		if err != nil {
			return err
		}
		if len(batch) > 0 {
			if err := s.in.ExtendLeases(ctx, batch); err != nil {
				return err
			}
		}
		for _, tx := range batch {
			if err := s.finish(ctx, tx); err != nil && !errors.Is(err, capability.ErrStaleDelivery) {
				return err
			}
		}
	}
}

// retryOnce requeues what has not been given back before.
func (s *site) retryOnce(ctx context.Context) (n int64, err error) {
	all, err := s.dead.ListDeadLetters(ctx, deadletter.Filter{}, deadletter.Page{Limit: 10})
	for _, letter := range all {
		if err == nil && len(letter.History) == 0 {
			n, err = s.dead.RetryDeadLetters(ctx, deadletter.Filter{Keys: []string{letter.Key}})
		}
	}
	return n, err
}

func (s *site) finish(ctx context.Context, tx ergon.Transaction) error {
	if tx.ID() == "hop" {
		out := capability.Output{To: s.out, Transactions: []ergon.Transaction{ergon.NewTransaction("", tx.ID())}}
		return s.in.HopTransactions(ctx, []capability.Hop{hop(tx, out)})
	}
	if tx.ID() == "die" {
		record := deadletter.Record{ID: tx.ID(), EnqueuedAt: tx.Delivery().EnqueuedAt, FailedAt: time.Now(), Payload: tx.Payload()}
		if err := s.dead.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), record)}); err != nil {
			return err
		}
	}
	return s.in.SettleTransactions(ctx, settlements(capability.Settlement{}, tx))
}
