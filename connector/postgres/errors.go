package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ergon-go/ergon"
)

// ErrClosed is returned by every operation on a connector that is not open.
var ErrClosed = errors.New("is not open; open it first")

// errForeign is the error of a transaction that another source delivered.
var errForeign = errors.New("the transaction did not come from this queue")

// cures says what to do about an error of the server, by its SQLSTATE.
var cures = map[string]string{ //nolint:gochecknoglobals // a table
	"28P01": "the password is wrong; correct it in url, PGPASSWORD or the password file",
	"28000": "the server does not let this user in; correct the user in url, or pg_hba.conf on the server",
	"3D000": "the database does not exist; create it, or correct its name in url",
	"3F000": "the schema does not exist; create it, or set migrate to auto",
	"42P01": "a table is missing; set migrate to auto for one start",
	"42501": "this user has not the right to do it; grant it USAGE on the schema and SELECT, INSERT, UPDATE and DELETE on its tables, or, " +
		"for migrate: auto, CREATE on the database or the schema",
	"25006": "the server is a read-only replica, or has become one; give the address of the primary, or all addresses",
	"42809": "a table of the queue is a view or something else; rename that, or set another schema or prefix",
	"42P05": "a pooler mixes up prepared statements; set pooler to true",
	"26000": "a pooler mixes up prepared statements; set pooler to true",
	"08P01": "the server or a pooler does not accept the settings of the session; behind a pooler set pooler to true",
	"53300": "the server has no connection left; lower max_connections, or raise it on the server",
	"53100": "the disk of the server is full; free some space, then the work continues by itself",
	"57014": "it took longer than statement_timeout; look for a statement that blocks it, or raise the limit",
	"55P03": "it waited for a lock longer than lock_timeout; look for a transaction that stays open",
	"57P03": "the server starts or ends; the work continues by itself when it is ready",
	"57P01": "the server ended the connection; the work continues by itself when it is ready",
	"57P02": "the server crashed; the work continues by itself when it is ready",
}

// refusals are the SQLSTATEs of a row that will never be stored, whatever the state of the server.
var refusals = map[string]bool{ //nolint:gochecknoglobals // a table
	"22021": true, // a text that is not UTF-8
	"22P05": true, // a text that the encoding of the database has not
	"54000": true, // a row, or an entry of an index, that is too large
	"22001": true,
}

// explained adds the cure to an error of the server, or marks it as permanent.
func explained(err error) error {
	code := codeOf(err)
	if refusals[code] {
		return ergon.Permanent(err)
	}
	if cure, ok := cures[code]; ok {
		return fmt.Errorf("%s: %w", cure, err)
	}
	if isReadOnly(err) {
		return fmt.Errorf("%s: %w", cures["25006"], err)
	}
	if _, failed := errors.AsType[*pgconn.ConnectError](err); failed || isNetwork(err) {
		return fmt.Errorf("the server cannot be reached; see whether it runs, and the address in url: %w", err)
	}
	return err
}

// errReadOnly means that the server can only be read.
var errReadOnly = errors.New("read only connection")

// isReadOnly tells whether a server refused because it can only be read. The driver has no value for this when it connects.
func isReadOnly(err error) bool {
	return codeOf(err) == "25006" || err != nil && strings.Contains(err.Error(), "read only connection")
}

func isNetwork(err error) bool {
	_, is := errors.AsType[net.Error](err)
	return is && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// codeOf is the SQLSTATE of an error of the server; "" for an error of another kind.
func codeOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// isRepeatable tells whether the server undid a transaction because of another one at the same time.
func isRepeatable(err error) bool {
	code := codeOf(err)
	return code == "40P01" || code == "40001"
}
