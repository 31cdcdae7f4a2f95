package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [S2] What the others cost beside dead letters that are refused, one transaction in a hundred of them, and without. Compare ns/op: the
// second may be 1.25 times the first at most.
func BenchmarkBesideRefusedLetters(b *testing.B) {
	for name, every := range map[string]int{"none": 0, "one in a hundred": 100} {
		b.Run(name, func(b *testing.B) {
			var ids []string
			for i := range b.N {
				id := strconv.Itoa(i)
				if every > 0 && i%every == 0 {
					id = "bad-" + id
				}
				ids = append(ids, id)
			}
			r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				if tx.ID()[0] == 'b' {
					return nil, ergon.Business(errRefused)
				}
				return nil, nil
			}}, ids...)
			r.Logger = slog.New(slog.DiscardHandler)
			r.Policy.Loop.Concurrency = policy.DefaultConsumer().Loop.Concurrency
			r.withDeadLetters(dispatchFunc(func(context.Context, []ergon.Transaction) error {
				return ergon.Permanent(errors.New("too big"))
			}))
			b.ResetTimer()
			r.start(b.Context(), b)
			if err := r.wait(); err != nil && !errors.Is(err, pipeline.ErrUnwritten) {
				b.Fatal(err)
			}
		})
	}
}
