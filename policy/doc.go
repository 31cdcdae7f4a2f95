// Package policy holds the numbers and switches that Ergon's engine runs by: plain structs with defaults and a Validate
// that names every fault at once. It decides nothing and imports nothing.
//
// A policy is made by changing a default value, never by relying on a zero value to mean "default":
//
//	p := policy.DefaultConsumer()
//	p.Loop.Concurrency.Value = 32
//	p.Process.Retry.Timeout = 2 * time.Second
//
// The YAML keys are those of the specification; package config decodes YAML onto the defaults.
package policy
