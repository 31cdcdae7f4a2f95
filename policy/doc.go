// Package policy holds the settings of Ergon's engine: plain structs with defaults, and a Validate that reports every fault at
// once. It imports the standard library only.
//
// Start from a default and change it. A zero value does not mean "default":
//
//	p := policy.DefaultConsumer()
//	p.Loop.Concurrency.Value = 32
//	p.Process.Retry.Timeout = 2 * time.Second
//
// The YAML keys are those of the specification. Package config decodes YAML onto the defaults. The types are values; the methods are
// safe for concurrent use as long as nobody changes the value.
package policy
