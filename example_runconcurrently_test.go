package ergon_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
)

func square(_ context.Context, n int) (int, error) {
	if n == 3 {
		return 0, ergon.Business(fmt.Errorf("%d is not allowed", n))
	}
	return n * n, nil
}

// Results come in the order of completion. Inputs are taken when there is capacity.
func ExampleRunConcurrently() {
	limits := ergon.Limits{Value: 4, Timeout: time.Second}
	sum := 0
	for result := range ergon.RunConcurrently(context.Background(), limits, slices.Values([]int{1, 2, 3, 4}), square) {
		if result.Err != nil {
			fmt.Printf("input %d: %v\n", result.Index, result.Err)
			continue
		}
		sum += result.Value
	}
	fmt.Println(sum)
	// Output:
	// input 2: BUSINESS: 3 is not allowed
	// 21
}

// All results together, in the order of the inputs.
func ExampleCollect() {
	results := ergon.RunConcurrently(context.Background(), ergon.Limits{Value: 4}, slices.Values([]int{1, 2, 3, 4}), square)
	all := ergon.Collect(results)
	fmt.Println(all.Values, all.Errors)
	fmt.Println(all.Succeeded, "succeeded,", all.Business, "refused")
	// Output:
	// [1 4 0 16] map[2:BUSINESS: 3 is not allowed]
	// 3 succeeded, 1 refused
}
