package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/ergon-go/ergon/policy"
)

// location is a database that a configuration names. Nothing is opened yet.
type location struct {
	system    string // db.system.name of the semantic conventions
	connector driver.Connector
}

// locate reads the URL. Its error is a *policy.Fault, which does not repeat the URL: that may have a password in it.
func locate(c Config) (location, error) {
	const example = "such as postgres://user@localhost:5432/shop or sqlite:shop.db"
	scheme, rest, _ := strings.Cut(c.URL, ":")
	switch {
	case c.URL == "":
		return location{}, &policy.Fault{Path: "url", Problem: "is empty, must name the database, " + example}
	case c.Driver != "":
		return registered(c)
	case scheme == "postgres", scheme == "postgresql":
		return postgres(c)
	case scheme == "sqlite":
		return sqliteFile(c, rest)
	default:
		return location{}, &policy.Fault{
			Path: "url", Problem: "must begin with postgres:// or sqlite:, " + example + "; set driver for another database",
		}
	}
}

// postgres adds the limits of the configuration to those parameters that the URL does not have.
func postgres(c Config) (location, error) {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return location{}, &policy.Fault{Path: "url", Problem: "is not a valid PostgreSQL URL, " +
			"such as postgres://user@localhost:5432/shop?sslmode=verify-full"}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = c.ConnectTimeout
	}
	milliseconds := strconv.FormatInt(c.StatementTimeout.Milliseconds(), 10)
	for name, value := range map[string]string{
		"application_name": "ergon", "statement_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds,
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	return location{"postgresql", stdlib.GetConnector(*config)}, nil
}

// sqliteFile makes writers of other connections and processes wait instead of fail, and checks foreign keys.
func sqliteFile(c Config, path string) (location, error) {
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "//"), "?")
	if path == "" {
		return location{}, &policy.Fault{Path: "url", Problem: "names no file, must do so, such as sqlite:shop.db"}
	}
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	wait := strconv.FormatInt(c.StatementTimeout.Milliseconds(), 10)
	options := url.Values{
		"_pragma": {"busy_timeout(" + wait + ")", "foreign_keys(1)", "journal_mode(wal)"}, "_txlock": {"immediate"},
	}
	name := "file:" + (&url.URL{Path: slashed}).EscapedPath() + "?" + options.Encode()
	return location{"sqlite", dsnConnector{name, &sqlite.Driver{}}}, nil
}

func registered(c Config) (location, error) {
	if drivers := sql.Drivers(); !slices.Contains(drivers, c.Driver) {
		return location{}, &policy.Fault{Path: "driver", Problem: fmt.Sprintf(
			"is %q, which the program does not have; import its package for its side effect; registered are %s",
			c.Driver, strings.Join(drivers, ", "))}
	}
	db, err := sql.Open(c.Driver, c.URL)
	if err != nil {
		return location{}, &policy.Fault{Path: "url", Problem: fmt.Sprintf("is not a valid data source name for the driver %q", c.Driver)}
	}
	_ = db.Close() // nothing was connected
	d := db.Driver()
	if opener, ok := d.(driver.DriverContext); ok {
		connector, err := opener.OpenConnector(c.URL)
		if err != nil {
			return location{}, &policy.Fault{Path: "url", Problem: fmt.Sprintf("is not a valid data source name for the driver %q", c.Driver)}
		}
		return location{c.Driver, connector}, nil
	}
	return location{c.Driver, dsnConnector{c.URL, d}}, nil
}

// dsnConnector is for a driver that makes connections from a name only.
type dsnConnector struct {
	name   string
	driver driver.Driver
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) {
	return c.driver.Open(c.name) //nolint:wrapcheck // as by database/sql
}

func (c dsnConnector) Driver() driver.Driver { return c.driver }
