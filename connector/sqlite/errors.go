package sqlite

import (
	"errors"
	"fmt"
	"slices"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ergon-go/ergon"
)

// ErrClosed is returned by every operation on a connector that is not open.
var ErrClosed = errors.New("is not open; open it first")

// errForeign is a transaction that another source delivered.
var errForeign = errors.New("the transaction did not come from this queue")

// cures says what to do about what SQLite reports, by its primary result code.
var cures = map[int]string{ //nolint:gochecknoglobals // a table
	sqlite3.SQLITE_BUSY:     "other processes keep it locked; look for one that stands still, or raise busy_timeout",
	sqlite3.SQLITE_FULL:     "the disk is full; free some space, then the work continues",
	sqlite3.SQLITE_IOERR:    "the disk failed; see the system's log",
	sqlite3.SQLITE_READONLY: "it cannot be written; let the user that runs this write the file and its directory",
	sqlite3.SQLITE_PERM:     "it cannot be opened; let the user that runs this read and write the file and its directory",
	sqlite3.SQLITE_CANTOPEN: "it cannot be opened; let the user that runs this read and write the file and its directory",
	sqlite3.SQLITE_CORRUPT:  "the file is damaged; put a copy in its place, or save the readable part with the .recover command of sqlite3",
	sqlite3.SQLITE_NOTADB:   "the file is not a SQLite database; correct path, or restore a copy if something has overwritten the file",
	sqlite3.SQLITE_NOMEM:    "memory is used up",
}

// refusals are what SQLite reports of a row that it will never store, whatever the state of the file.
var refusals = []int{ //nolint:gochecknoglobals // a table
	sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH,
}

// explained adds the cure to what SQLite reports, or that trying again is pointless.
func explained(err error) error {
	if slices.Contains(refusals, codeOf(err)) {
		return ergon.Permanent(err)
	}
	if cure, ok := cures[codeOf(err)]; ok {
		return fmt.Errorf("%s: %w", cure, err)
	}
	return err
}

// codeOf is SQLite's primary result code; 0 for an error of another kind.
func codeOf(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func isBusy(err error) bool { return codeOf(err) == sqlite3.SQLITE_BUSY }
