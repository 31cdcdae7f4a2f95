package postgres

// DeadLettersConfig is the configuration of a store of dead letters. Start with [DefaultDeadLettersConfig] and change its fields:
// the zero value of a field is not its default. A schema with a prefix has one store, which all connectors with them share.
type DeadLettersConfig struct {
	DatabaseConfig `yaml:",inline"`
}

// DeadLettersSettings is a DeadLettersConfig with the values that only code can set. There are none yet.
type DeadLettersSettings struct {
	DeadLettersConfig
}

// DefaultDeadLettersConfig returns a store in the database of the environment.
func DefaultDeadLettersConfig() DeadLettersConfig {
	return DeadLettersConfig{DatabaseConfig: DefaultDatabaseConfig()}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not connect.
func (c DeadLettersConfig) Validate() error { return c.faults().join() }
