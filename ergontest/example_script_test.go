package ergontest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/ergontest"
)

func ExampleScript() {
	fake := &rates{script: ergontest.NewScript(ergontest.Fail(errors.New("unavailable")))}
	for range 2 {
		fmt.Println(fake.VAT(context.Background()))
	}
	// Output:
	// 20 unavailable
	// 20 <nil>
}
