package ergon

import (
	"runtime/debug"

	"github.com/ergon-go/ergon/internal/panics"
)

// crashed is the failure of a function that panicked with value p or, if p is nil, ended its goroutine. It is called by a
// deferred function, while the stack is still there.
func crashed(p any) *failure {
	return &failure{TransactionError: TransactionError{
		Category: CategorySystem, Attempts: 1, Err: panics.Of("function", p, nil), Stack: debug.Stack(),
	}}
}
