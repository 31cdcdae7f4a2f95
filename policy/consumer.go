package policy

import "time"

// Consumer is the policy of a consuming loop.
type Consumer struct {
	// Loop is the loop itself: concurrency, time limits, and when it ends.
	Loop Loop `yaml:"loop"`
	// Fetch governs taking transactions from the source.
	Fetch Fetch `yaml:"fetch"`
	// Process governs the business logic.
	Process Step `yaml:"process"`
	// Success governs the success handler.
	Success Step `yaml:"success"`
	// Exception governs the exception handler.
	Exception Step `yaml:"exception"`
	// Settle governs acknowledging, requeueing and dead-lettering.
	Settle Settle `yaml:"settle"`
}

// Step governs one phase of a transaction.
type Step struct {
	// Retry is the phase's own attempts, timeout and backoff.
	Retry Retry `yaml:"retry"`
}

// Fetch governs the fetch phase.
type Fetch struct {
	// Connector is the name of the connector that transactions are fetched from. Default "input".
	Connector string `yaml:"connector"`
	// Retry is the attempts, timeout and backoff of one fetch.
	Retry Retry `yaml:"retry"`
}

// DefaultConsumer returns the policy that YAML is decoded onto.
func DefaultConsumer() Consumer {
	step := Step{Retry: DefaultRetry()}
	return Consumer{
		Loop:      DefaultLoop(),
		Fetch:     Fetch{Connector: "input", Retry: DefaultRetry()},
		Process:   step,
		Success:   step,
		Exception: step,
		Settle:    DefaultSettle(),
	}
}

// Validate reports every fault of c, each a *Fault with the path of its YAML key.
func (c Consumer) Validate() error {
	f := c.Loop.validate("loop")
	if c.Fetch.Connector == "" {
		f.addf("fetch.connector", "is empty, must name a connector")
	}
	f = append(f, c.Fetch.Retry.validate("fetch.retry")...)
	f = append(f, c.Process.Retry.validate("process.retry")...)
	f = append(f, c.Success.Retry.validate("success.retry")...)
	f = append(f, c.Exception.Retry.validate("exception.retry")...)
	f = append(f, c.Settle.validate("settle")...)
	if exceeds(c.Process.Retry.Timeout, c.Loop.TransactionTimeout) {
		f.addf("process.retry.timeout", "%s is longer than loop.transaction_timeout %s, so it could never be reached; lower it",
			c.Process.Retry.Timeout, c.Loop.TransactionTimeout)
	}
	return f.join()
}

// exceeds reports whether a timeout of an attempt could never be reached within the transaction's. One that is only the default
// gives way: the transaction's then bounds the attempt [C2].
func exceeds(attempt, transaction time.Duration) bool {
	return transaction > 0 && attempt > transaction && attempt != DefaultRetry().Timeout
}
