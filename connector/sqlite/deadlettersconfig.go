package sqlite

import "time"

// DeadLettersConfig is the configuration of a store of dead letters. Change a value of [DefaultDeadLettersConfig]; zero values
// are not defaults. A file has one store, which all connectors with that file share.
type DeadLettersConfig struct {
	DatabaseConfig `yaml:",inline"`
}

// DeadLettersSettings is a DeadLettersConfig with the values that only code can set.
type DeadLettersSettings struct {
	DeadLettersConfig

	// Now is the clock of the queues in the same file. Nil means time.Now.
	Now func() time.Time
}

// DefaultDeadLettersConfig returns a durable store. Set Path.
func DefaultDeadLettersConfig() DeadLettersConfig {
	return DeadLettersConfig{DatabaseConfig: DefaultDatabaseConfig()}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not read any file.
func (c DeadLettersConfig) Validate() error { return c.faults().join() }
