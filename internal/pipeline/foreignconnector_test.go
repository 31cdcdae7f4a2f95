package pipeline_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// foreignSource fails in one of its methods, once, with an error whose methods do what they like.
type foreignSource struct {
	*memory.Queue

	in  string
	err error

	mu   sync.Mutex
	done bool
}

// fails returns the error for a call of n items: for the call, or for the first of its items.
func (s *foreignSource) fails(in string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done:
		return nil
	case s.in == in:
		s.done = true
		return s.err
	case s.in == in+" an item":
		s.done = true
		return &ergon.BatchError{Failures: map[int]error{0: s.err}}
	default:
		return nil
	}
}

func (s *foreignSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if err := s.fails("fetch"); err != nil {
		return nil, err
	}
	return s.Queue.FetchTransactions(ctx, limit)
}

func (s *foreignSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if err := s.fails("settle"); err != nil {
		return err
	}
	return s.Queue.SettleTransactions(ctx, batch)
}

func (s *foreignSource) LeaseDuration() time.Duration { return time.Minute }

func (s *foreignSource) ExtendLeases(context.Context, []ergon.Transaction) error {
	return s.fails("extend")
}

// [F1] Whatever the methods of a connector's error do, they do it to that call, which is tried again.
func TestMethodsOfAConnectorsErrorAreItsCallsAffair(t *testing.T) {
	for _, in := range []string{"fetch", "settle", "settle an item", "extend", "extend an item"} {
		for _, method := range errorMethods {
			for _, how := range []faultMode{panicking, hanging, exiting} {
				t.Run(strings.Join([]string{in, method, string(how)}, " "), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := &foreign{where: method, how: how, release: make(chan struct{})}
						r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
							sleep(20 * time.Second) // longer than the time between two extensions
							return nil, nil
						}}, "a", "b")
						source := &foreignSource{Queue: r.Queue, in: in, err: &foreignError{f}}
						r.Source = source
						r.Policy.Process = once(30 * time.Second)
						thrice := retrying(3, time.Second, time.Second).Retry
						r.Policy.Fetch.Retry, r.Policy.Settle.Retry = thrice, thrice
						r.run(t)
						for _, id := range []string{"a", "b"} {
							if got := r.settlementsOf(id); len(got) == 0 || got[len(got)-1].Action != policy.SettleAck {
								t.Errorf("%s was settled as %v", id, got)
							}
						}
						if !source.done {
							t.Error("the method was never called")
						}
						close(f.release)
						synctest.Wait()
					})
				})
			}
		}
	}
}
