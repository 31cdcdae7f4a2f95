package policy

// Concurrency is how many transactions run at once.
type Concurrency struct {
	// Value is the number at the start; it is constant if Min and Max are not set. At least 1. Default 16.
	Value int `yaml:"value"`
	// Min and Max, if both are set, let the number adapt between them by latency and errors. 0 and 0 (default) keep
	// Value.
	Min int `yaml:"min"`
	// Max is the maximum of the adapting concurrency.
	Max int `yaml:"max"`
	// Headroom is how many abandoned attempts (timed out, but their handler has not returned) a worker tolerates before
	// it stops fetching and ends with an error. 0 (default) means as many as may run at once.
	Headroom int `yaml:"headroom"`
	// Waiting is the maximum number of transactions that wait for their next attempt without a slot. At this number fetching
	// pauses. During a backoff of more than a second, a transaction waits without a slot; during a shorter one it keeps its slot.
	// 0 (default) means four times as many as may run at once.
	Waiting int `yaml:"waiting"`
}

// DefaultConcurrency returns 16 at once.
func DefaultConcurrency() Concurrency { return Concurrency{Value: 16} }

// Adapts reports whether the concurrency moves between Min and Max.
func (c Concurrency) Adapts() bool { return c.Min < c.Max }

// MaxRunning returns the maximum number that may run at once.
func (c Concurrency) MaxRunning() int { return max(c.Value, c.Max) }

// MaxAbandoned returns the effective headroom.
func (c Concurrency) MaxAbandoned() int {
	if c.Headroom > 0 {
		return c.Headroom
	}
	return c.MaxRunning()
}

// waitingPerSlot is how many transactions may wait for their next attempt for each that may run.
const waitingPerSlot = 4

// MaxWaiting returns the effective maximum number of transactions that wait for their next attempt.
func (c Concurrency) MaxWaiting() int {
	if c.Waiting > 0 {
		return c.Waiting
	}
	return waitingPerSlot * c.MaxRunning()
}

func (c Concurrency) validate(at path) faults {
	var f faults
	f.atLeast(at.key("value"), c.Value, 1, "nothing could run")
	f.atLeast(at.key("headroom"), c.Headroom, 0, "0 means as many as may run at once")
	f.atLeast(at.key("waiting"), c.Waiting, 0, "0 means four times as many as may run at once")
	if c.Min == 0 && c.Max == 0 {
		return f
	}
	if c.Min < 1 || c.Min > c.Value || c.Value > c.Max {
		f.addf(at, "min %d, value %d and max %d must be in this order, from 1; remove min and max for a fixed concurrency",
			c.Min, c.Value, c.Max)
	}
	return f
}
