package sqlite

import "time"

// DeadLettersConfig is what a user says about a store of dead letters. Change a value of [DefaultDeadLettersConfig]; zero
// values are not defaults. There is one store in a file, for all who name it.
type DeadLettersConfig struct {
	DatabaseConfig `yaml:",inline"`
}

// DeadLettersSettings is a DeadLettersConfig with what only code can give.
type DeadLettersSettings struct {
	DeadLettersConfig

	// Now is the clock of the queues in the same file. nil means time.Now.
	Now func() time.Time
}

// DefaultDeadLettersConfig is durable. Path is still to be set.
func DefaultDeadLettersConfig() DeadLettersConfig {
	return DeadLettersConfig{DatabaseConfig: DefaultDatabaseConfig()}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It looks at no file.
func (c DeadLettersConfig) Validate() error { return c.faults().join() }
