package postgres

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Migrate says what Open does about the tables.
type Migrate string

const (
	// MigrateAuto creates the schema and the tables, and updates them. This is the default.
	MigrateAuto Migrate = "auto"
	// MigrateVerify refuses a schema that is missing or old, and changes nothing.
	MigrateVerify Migrate = "verify"
	// MigrateOff only refuses a schema that this program may not write to.
	MigrateOff Migrate = "off"
)

// DatabaseConfig is the database and how it is used. Connectors of one process with the same DatabaseConfig share their connections.
type DatabaseConfig struct {
	// URL is the address, as for psql: postgres://user:password@host:5432/database, or host=… dbname=…. Several hosts are tried in
	// turn, and the one that can be written is used. What it does not say is taken from the environment (PGHOST, PGUSER, PGPASSWORD,
	// PGSSLMODE …). Default "": everything is taken from the environment.
	URL string `yaml:"url"`
	// Schema is the schema of the tables: up to 63 lower-case letters, digits and _. Default "ergon".
	Schema string `yaml:"schema"`
	// Prefix begins the name of every table, so that several programs can share a schema. Up to 32 lower-case letters, digits and _.
	// Default "".
	Prefix string `yaml:"prefix"`
	// Migrate is auto (default), verify or off.
	Migrate Migrate `yaml:"migrate"`
	// MaxConnections is the maximum number of connections of this process, besides one that waits for notifications. Default 4.
	MaxConnections int `yaml:"max_connections"`
	// ConnectTimeout limits the time for a new connection. Default 5s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// StatementTimeout limits each call. The server enforces it, except behind a pooler. Default 30s.
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// LockTimeout limits the time for which a statement waits for a lock. The server enforces it, except behind a pooler. Default 5s.
	LockTimeout time.Duration `yaml:"lock_timeout"`
	// Notify uses LISTEN and NOTIFY to wake fetches of other processes, on a connection of its own. Open tries it once; if it does
	// not work, fetches only poll. Default true.
	Notify bool `yaml:"notify"`
	// PollInterval is the maximum time between two looks of a waiting fetch. Default 250ms.
	PollInterval time.Duration `yaml:"poll_interval"`
	// Pooler is for a connection through a pooler that gives every transaction another connection, such as pgbouncer with
	// pool_mode=transaction: no prepared statements, no settings of the session, no notifications. Default false.
	Pooler bool `yaml:"pooler"`
}

// DefaultDatabaseConfig returns a configuration for the database of the environment.
func DefaultDatabaseConfig() DatabaseConfig {
	return DatabaseConfig{
		Schema: "ergon", Migrate: MigrateAuto, MaxConnections: 4, ConnectTimeout: 5 * time.Second, StatementTimeout: 30 * time.Second,
		LockTimeout: 5 * time.Second, Notify: true, PollInterval: 250 * time.Millisecond,
	}
}

var (
	schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	prefixName = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,31})?$`)
)

func (c DatabaseConfig) faults() faults {
	var f faults
	if _, err := pgxpool.ParseConfig(c.URL); err != nil {
		f.addf("url", "is not valid: %s; must be such as postgres://user:password@host:5432/database", withoutSecrets(err, c.URL))
	}
	if !schemaName.MatchString(c.Schema) || strings.HasPrefix(c.Schema, "pg_") {
		f.addf("schema", "is %s, must be up to 63 lower-case letters, digits and _, not beginning with a digit or pg_", quoted(c.Schema))
	}
	if !prefixName.MatchString(c.Prefix) {
		f.addf("prefix", "is %s, must be up to 32 lower-case letters, digits and _, not beginning with a digit", quoted(c.Prefix))
	}
	if c.Migrate != MigrateAuto && c.Migrate != MigrateVerify && c.Migrate != MigrateOff {
		f.addf("migrate", "is %q, must be %s, %s or %s", c.Migrate, MigrateAuto, MigrateVerify, MigrateOff)
	}
	if c.MaxConnections < 1 || c.MaxConnections > maxConnections {
		f.addf("max_connections", "is %d, must be from 1 to %d, such as 4", c.MaxConnections, maxConnections)
	}
	for key, d := range map[string]time.Duration{
		"connect_timeout": c.ConnectTimeout, "statement_timeout": c.StatementTimeout, "lock_timeout": c.LockTimeout,
		"poll_interval": c.PollInterval,
	} {
		if d < time.Millisecond {
			f.addf(key, "is %s, must be at least 1ms, such as 5s", d)
		}
	}
	return f
}

// maxConnections is more than any server wants from one process.
const maxConnections = 1000

// withoutSecrets is the text of an error about an address, without its password.
func withoutSecrets(err error, address string) string {
	text := err.Error()
	if parsed, invalid := url.Parse(address); invalid == nil && parsed.User != nil {
		if password, ok := parsed.User.Password(); ok && password != "" {
			text = strings.ReplaceAll(text, password, "xxxxx")
		}
	} else if strings.Contains(address, "password") || strings.Contains(address, "@") {
		return "it cannot be read (it is not shown, because it has a password)"
	}
	return text
}
