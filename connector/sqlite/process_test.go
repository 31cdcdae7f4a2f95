package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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
	role, ok := map[string]func(context.Context, *site) error{"": nil, "hop": hopUntilEmpty, "steps": takeEachStep}[os.Getenv(roleVariable)]
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

const shortLease = 300 * time.Millisecond

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

// hopUntilEmpty moves everything from in to out and says so, batch by batch.
func hopUntilEmpty(ctx context.Context, s *site) error {
	for {
		stats, err := s.in.InspectQueue(ctx)
		if err != nil || stats.Ready+stats.Delayed+stats.Claimed == 0 {
			return err
		}
		batch, err := s.in.FetchTransactions(ctx, 20)
		if err != nil {
			return err
		}
		hops := make([]capability.Hop, len(batch))
		for i, tx := range batch {
			hops[i] = hop(tx, capability.Output{To: s.out, Transactions: []ergon.Transaction{ergon.NewTransaction("", tx.ID())}})
		}
		if err := s.in.HopTransactions(ctx, hops); err != nil && !errors.Is(err, ergon.ErrStaleDelivery) {
			return err
		}
		fmt.Println("hopped")
	}
}

// start runs this binary in a role.
func start(t *testing.T, role, path string, environment ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role, fileVariable+"="+path), environment...)
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(said)
}

// [B3] Two processes compete for a queue, and one of them is killed again and again.
func TestEachTransactionHopsOnceWhoeverIsKilled(t *testing.T) {
	path := newBench(t).path
	s, err := openSite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	const n, kills = 4000, 6
	for i := range n / 100 {
		dispatch(t, s.in, numberedFrom(100*i, 100)...)
	}
	steady, words := start(t, "hop", path)
	steadily := make(chan error, 1)
	go func() {
		for words.Scan() { // so that it never waits to be heard
		}
		steadily <- steady.Wait()
	}()
	atWork := 0
	for i := range kills {
		doomed, words := start(t, "hop", path)
		for range i {
			words.Scan()
		}
		if words.Scan() {
			atWork++
		}
		if err := doomed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for words.Scan() {
		}
		_ = doomed.Wait() // killed
	}
	if err := <-steadily; err != nil {
		t.Fatalf("the process that was left alone: %v", err)
	}
	if atWork < kills/2 {
		t.Errorf("%d of %d were killed at work; give them more to do", atWork, kills)
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
	other, _ := start(t, "hop", path)
	wantFetched(t, out, fetchedID(t, out, "t1"))
	if err := other.Wait(); err != nil {
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
		if err != nil || stats.Ready+stats.Delayed+stats.Claimed == 0 {
			return err
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
			if err := s.finish(ctx, tx); err != nil && !errors.Is(err, ergon.ErrStaleDelivery) {
				return err
			}
		}
	}
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
	return s.in.SettleTransactions(ctx, settlements(ergon.Settlement{}, tx))
}
