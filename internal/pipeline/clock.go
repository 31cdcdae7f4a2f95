package pipeline

import "github.com/ergon-go/ergon/internal/attempt"

// The engine's time is that of its attempts: a deadline, a due time or a duration since the loop began is one word.
type (
	clock   = attempt.Clock
	instant = attempt.Instant
)

const never = attempt.Never
