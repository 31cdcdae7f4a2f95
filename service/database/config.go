package database

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Config is the configuration of a database. Start with [DefaultConfig] and change its fields: the zero value of a field is not its
// default.
type Config struct {
	// URL names the database: postgres://…, sqlite:file, or, with Driver, the data source name of that driver.
	URL string `yaml:"url" secret:"url"`
	// Driver is the name of a driver that the program has registered with database/sql. "" (default): the URL decides.
	Driver string `yaml:"driver"`
	// MaxConnections is the maximum number of open connections of one worker. Default 10.
	MaxConnections int `yaml:"max_connections"`
	// MaxIdleTime is how long an unused connection is kept. 0 keeps it. Default 5m.
	MaxIdleTime time.Duration `yaml:"max_idle_time"`
	// MaxLifetime is how long a connection is used, so that connections move to another server after a failover. 0 is for ever.
	// Default 30m.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	// ConnectTimeout is the maximum time until Open has a connection, and of a health check. Default 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// StatementTimeout is the maximum time of one statement of Query and Exec, and of one transaction of InTx. A PostgreSQL server
	// ends the statement itself as well. Default 30s.
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// Retry is for statements that failed. Its timeout limits each attempt, together with StatementTimeout. Default: 3 attempts
	// of at most 30 s, 200 ms apart, doubled.
	Retry policy.Retry `yaml:"retry"`
}

// DefaultConfig returns the defaults. Set URL.
func DefaultConfig() Config {
	return Config{
		MaxConnections: 10, MaxIdleTime: 5 * time.Minute, MaxLifetime: 30 * time.Minute, ConnectTimeout: 10 * time.Second,
		StatementTimeout: 30 * time.Second, Retry: policy.DefaultRetry(),
	}
}

const maxConnections = 10_000

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not connect.
func (c Config) Validate() error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, &policy.Fault{Path: path, Problem: fmt.Sprintf(format, args...)})
	}
	if _, err := locate(c); err != nil {
		faults = append(faults, err)
	}
	if c.MaxConnections < 1 || c.MaxConnections > maxConnections {
		fault("max_connections", "is %d, must be from 1 to %d, such as 10", c.MaxConnections, maxConnections)
	}
	for path, d := range map[string]time.Duration{"max_idle_time": c.MaxIdleTime, "max_lifetime": c.MaxLifetime} {
		if d < 0 {
			fault(path, "is %s, must not be negative; 0 is without a limit", d)
		}
	}
	for path, d := range map[string]time.Duration{"connect_timeout": c.ConnectTimeout, "statement_timeout": c.StatementTimeout} {
		if d < time.Millisecond {
			fault(path, "is %s, must be at least 1ms, such as 10s", d)
		}
	}
	for _, err := range joined(c.Retry.Validate()) {
		if f, is := errors.AsType[*policy.Fault](err); is {
			fault("retry."+f.Path, "%s", f.Problem)
		}
	}
	return errors.Join(faults...)
}

func joined(err error) []error {
	if all, is := err.(interface{ Unwrap() []error }); is {
		return all.Unwrap()
	}
	return nil
}
