package policy

import "time"

// Settle governs the settlement of transactions with their source.
type Settle struct {
	// Retry is the attempts, timeout and backoff of one batch of settlements, and of one write of dead letters.
	Retry Retry `yaml:"retry"`
	// Size is the maximum number of settlements in one call. At least 1. Default 100.
	Size int `yaml:"size"`
	// Interval is how long a settlement waits for others to share its call. Default 5ms.
	Interval time.Duration `yaml:"interval"`
	// RequeueDelay is the delay of a transaction that is requeued because its dead letter could not be written. Default
	// 5s.
	RequeueDelay time.Duration `yaml:"requeue_delay"`
}

// DefaultSettle returns calls of up to 100 settlements, every 5 ms.
func DefaultSettle() Settle {
	return Settle{Retry: DefaultRetry(), Size: 100, Interval: 5 * time.Millisecond, RequeueDelay: 5 * time.Second}
}

func (s Settle) validate(at path) faults {
	f := s.Retry.validate(at.key("retry"))
	f.atLeast(at.key("size"), s.Size, 1, "1 settles each transaction separately")
	f.notNegative(at.key("interval"), s.Interval)
	f.notNegative(at.key("requeue_delay"), s.RequeueDelay)
	return f
}
