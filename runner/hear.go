package runner

import (
	"log/slog"

	"github.com/ergon-go/ergon/internal/ask"
)

// hear is called where an error of code that is not ours comes in, and calls what the exit code, the summary and the log call of it
// within a bound: see [ask.Error].
func hear(err error) error {
	return ask.Error(err, func() {
		_ = worst(err)
		_ = slog.AnyValue(err).Resolve()
	})
}
