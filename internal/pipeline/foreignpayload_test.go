package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

// [F1] [S2] Whatever the methods of a payload do, its dead letter is written, its neighbours' letters are written as they would be,
// and what is recorded of it is kept.
func TestMethodsOfAPayloadKeepNoLetterFromBeingWritten(t *testing.T) {
	for _, method := range []string{"Clone", "MarshalJSON"} {
		for _, how := range []faultMode{panicking, hanging, exiting} {
			for name, recorder := range map[string]*observe.Recorder{
				"recorded": observe.NewRecorder(true), "not recorded": nil,
			} {
				t.Run(strings.Join([]string{method, string(how), name}, " "), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						release := make(chan struct{})
						letters := memory.New(memory.Settings{Record: true})
						r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
							return nil, ergon.Business(errors.New("no"))
						}})
						r.Source = memory.New(memory.Settings{Finite: true, Transactions: []ergon.Transaction{
							ergon.NewTransaction("a", &foreignPayload{&foreign{method, how, release}, "a"}),
							ergon.NewTransaction("b", &foreignPayload{&foreign{}, "b"}),
							ergon.NewTransaction("c", "c"),
						}})
						r.withDeadLetters(letters)
						r.Recorder, r.longest = recorder, time.Minute
						free := sync.OnceFunc(func() { close(release) })
						t.Cleanup(free)
						began := time.Now()
						r.run(t)
						if took := time.Since(began); took > 3*time.Second {
							t.Errorf("it took %s", took)
						}
						got := map[string]any{}
						for _, record := range recordsIn(t, letters) {
							got[record.ID] = record.Payload
						}
						b, _ := got["b"].(json.RawMessage)
						if len(got) != 3 || string(b) != `{"text":"foreign"}` || got["c"] != "c" {
							t.Errorf("got letters %q, want those of a, b and c with what b and c hold", got)
						}
						if a, _ := got["a"].(string); method == "MarshalJSON" && !strings.Contains(a, `Text: "a"`) {
							t.Errorf("got %q, want the text that a holds, because only its encoding fails", a)
						}
						free()
						synctest.Wait()
						if recorder != nil {
							if kept := len(recorder.Since(0, 10)); kept != 3 {
								t.Errorf("%d were recorded, want 3", kept)
							}
						}
						if n := r.consumer.Snapshot().Abandoned; n != 0 {
							t.Errorf("%d count as abandoned, although all has returned", n)
						}
					})
				})
			}
		}
	}
}

// [F1] [T2] Payloads that hang are read by four goroutines at most, which count as abandoned; what is not read is not dropped, and
// goes back.
func TestPayloadsThatHangAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		letters := memory.New(memory.Settings{Record: true})
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			return nil, ergon.Business(errors.New("no"))
		}})
		var txs []ergon.Transaction
		for i := range 6 {
			txs = append(txs, ergon.NewTransaction(strconv.Itoa(i), &foreignPayload{&foreign{"Clone", hanging, release}, ""}))
		}
		r.Queue = memory.New(memory.Settings{Transactions: txs, Record: true})
		r.Source = r.Queue
		r.withDeadLetters(letters)
		r.Policy.Loop.Limit = 6
		r.Policy.Loop.Concurrency.Headroom = 10
		r.longest = time.Minute
		free := sync.OnceFunc(func() { close(release) })
		t.Cleanup(free)
		r.runLeaving(t, "")
		got := r.consumer.Snapshot()
		if got.Abandoned != 4 || got.Outcomes[pipeline.DeadLettered] != 4 || got.Outcomes[pipeline.Requeued] != 2 {
			t.Errorf("got %d abandoned, %v; want 4 that hang and 2 that went back", got.Abandoned, got.Outcomes)
		}
		free()
		synctest.Wait()
		if n := r.consumer.Snapshot().Abandoned; n != 0 {
			t.Errorf("%d count as abandoned, although all has returned", n)
		}
	})
}
