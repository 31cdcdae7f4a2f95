package coalesce_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/policy"
)

// encoding is a connector that copies and encodes whatever it gets, and takes a second for a call.
func encoding(j *journal) dispatcher {
	return func(_ context.Context, batch []ergon.Transaction) error {
		j.note(idsOf(batch))
		for _, tx := range batch {
			if _, err := json.Marshal(tx.Payload()); err != nil {
				return err
			}
		}
		sleep(time.Second)
		return nil
	}
}

// [F1] [B2] The methods of a payload run at its caller's expense: dispatches that would have been joined with it continue, in
// the second that their own call takes, and what an attempt dispatches whose payload comes back too late goes nowhere.
func TestPayloadHoldsUpNobodyElsesDispatch(t *testing.T) {
	for _, method := range []string{"Clone", "MarshalJSON"} {
		for _, how := range []faultMode{panicking, hanging, exiting} {
			t.Run(method+" "+string(how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					j := newJournal()
					release := make(chan struct{})
					o := coalesce.New(encoding(j), policy.ProducerBatch{Size: 100, Interval: time.Hour})
					first := after(o, 0, "first") // under way, so that what follows is joined
					attempt := &givenUp{}
					bad := make(chan error, 1)
					go func() {
						defer func() { _ = recover() }()
						sleep(100 * time.Millisecond)
						tx := ergon.NewTransaction("bad", &foreignPayload{"a", method, how, release})
						ctx := context.WithValue(context.Background(), fence.Key{}, fence.Attempt(attempt))
						bad <- o.DispatchTransactions(ctx, []ergon.Transaction{tx})
					}()
					a, b := after(o, 200*time.Millisecond, "a"), after(o, 300*time.Millisecond, "b")
					sleep(2 * time.Second)
					synctest.Wait()
					for name, done := range map[string]<-chan error{"first": first, "a": a, "b": b} {
						select {
						case err := <-done:
							if err != nil {
								t.Errorf("%s: %v", name, err)
							}
						default:
							t.Errorf("%s is not dispatched after 2s: %v", name, j.all())
						}
					}
					attempt.Store(true)
					close(release)
					synctest.Wait()
					if how == hanging {
						if err := <-bad; err == nil || !strings.Contains(err.Error(), "given up") {
							t.Errorf("got %v of the attempt that was given up", err)
						}
						j.want(t, "0s first", "1s a b")
					}
					sleep(time.Minute)
				})
			})
		}
	}
}
