package ergon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

type anyTask struct{}

func (anyTask) ProcessTransaction(context.Context, ergon.TransactionOf[any]) (string, error) {
	return "processed", nil
}

type textTask struct{}

func (textTask) ProcessTransaction(context.Context, ergon.TransactionOf[string]) (string, error) {
	return "processed", nil
}

// [R3]
func TestPayloadThatIsAnErrorFailsToDecodeWithIt(t *testing.T) {
	malformed := errors.New("strikes.csv:17: has 13 columns, the header has 14")
	for name, task := range map[string]ergon.Task{
		"a task that takes anything": ergon.Consume(anyTask{}),
		"a task that takes text":     ergon.Consume(textTask{}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := task.Process(t.Context(), ergon.NewTransaction("strikes.csv:17", malformed))
			failed, ok := errors.AsType[*ergon.TransactionError](err)
			if !ok || failed.Category != ergon.CategoryBusiness || failed.Phase != policy.PhaseDecode || !errors.Is(err, malformed) {
				t.Errorf("got %v, want a BUSINESS failure to decode that is %v", err, malformed)
			}
		})
	}
}
