package sqlite

import "time"

// DeadLettersConfig is the configuration of a store of dead letters. Start with [DefaultDeadLettersConfig] and change its fields:
// the zero value of a field is not its default. A file has one store, which all connectors with that file share.
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
