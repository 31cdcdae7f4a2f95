package database

import (
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// rolledBackError is the error of a transaction that was not committed, so nothing has changed.
type rolledBackError struct{ error }

func (e rolledBackError) Unwrap() error { return e.error }

func rolledBack(err error) error { return rolledBackError{err} }

func anyError(error) bool { return true }

// unchanged reports whether an error shows that the statement has changed nothing: the database refused it, it was never sent, or its
// transaction was rolled back.
func unchanged(err error) bool {
	if _, is := errors.AsType[rolledBackError](err); is {
		return true
	}
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		return true
	}
	if _, refused := errors.AsType[*sqlite.Error](err); refused {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}

// faulty reports whether a statement would fail in the same way again: its data, its words, or the rights of its user are at fault.
// The classes are those of SQLSTATE, in appendix A of PostgreSQL's documentation, and the result codes of SQLite.
func faulty(err error) bool {
	if e, is := errors.AsType[*pgconn.PgError](err); is {
		switch class := e.Code[:min(2, len(e.Code))]; class {
		case "08", "40", "53", "55", "57", "58", "XX": // connection, serialization, resources, locks, operator, system, internal
			return false
		default:
			return true
		}
	}
	if e, is := errors.AsType[*sqlite.Error](err); is {
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_CANTOPEN,
			sqlitelib.SQLITE_INTERRUPT, sqlitelib.SQLITE_NOMEM:
			return false
		default:
			return true
		}
	}
	return false
}

// errorAttributes names an error on a span by its code only.
func errorAttributes(err error) []attribute.KeyValue {
	if e, is := errors.AsType[*pgconn.PgError](err); is {
		return []attribute.KeyValue{attribute.String("db.response.status_code", e.Code), attribute.String("error.type", e.Code)}
	}
	return []attribute.KeyValue{attribute.String("error.type", "_OTHER")}
}
