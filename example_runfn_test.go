package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// A call that sometimes fails gets up to three attempts, each with a timeout.
func ExampleRunFn() {
	retry := policy.DefaultRetry()
	retry.Timeout, retry.Backoff = time.Second, time.Millisecond

	calls := 0
	rate, err := ergon.RunFn(context.Background(), retry, func(context.Context) (float64, error) {
		calls++
		if calls < 3 {
			return 0, errors.New("connection refused")
		}
		return 1.08, nil
	})
	fmt.Println(rate, err, calls)
	// Output: 1.08 <nil> 3
}

// A failure has a category and the number of attempts.
func ExampleRunFn_failure() {
	retry := policy.DefaultRetry()
	retry.MaxAttempts, retry.Timeout, retry.Backoff = 2, time.Millisecond, 0

	_, err := ergon.RunFn(context.Background(), retry, func(ctx context.Context) (float64, error) {
		<-ctx.Done() // and even a function that ignored this would not be waited for
		return 0, ctx.Err()
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, ergon.ErrAttemptTimeout))
	// Output:
	// TIMEOUT: attempt timeout: no result within 1ms (after 2 attempts)
	// true
}

// An attempt opens a connection after RunFn has given it up; OnLateResult closes the connection.
func ExampleOnLateResult() {
	retry := policy.DefaultRetry()
	retry.MaxAttempts, retry.Timeout = 1, time.Millisecond

	closed := make(chan string)
	_, err := ergon.RunFn(context.Background(), retry, func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "connection 7", nil
	}, ergon.SpanName("dial"), ergon.OnLateResult(func(result any, _ error) { closed <- result.(string) }))
	fmt.Println(err)
	fmt.Println("closed", <-closed)
	// Output:
	// TIMEOUT: attempt timeout: no result within 1ms
	// closed connection 7
}

// A method of a service with retries around it.
func ExampleDecorate() {
	lookup := ergon.Decorate(policy.DefaultRetry(), func(_ context.Context, code string) (string, error) {
		if code != "VIE" {
			return "", ergon.Business(fmt.Errorf("no airport %q", code))
		}
		return "Vienna", nil
	})
	fmt.Println(lookup(context.Background(), "VIE"))
	fmt.Println(lookup(context.Background(), "XXX"))
	// Output:
	// Vienna <nil>
	//  BUSINESS: no airport "XXX"
}
