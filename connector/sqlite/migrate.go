package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite/internal/failpoint"
)

// migrate brings the file up to the version of this program, under its write lock: of several processes that open it at
// once one does it and the others find it done. All of it is one transaction.
func (w *writer) migrate(ctx context.Context, patience time.Duration) error {
	version, err := w.conn.waitForVersion(ctx, patience)
	if err != nil || version >= len(migrations) {
		return err
	}
	if err := w.begin(ctx, patience); err != nil {
		return err
	}
	failpoint.Hit("migrate", "begun")
	err = w.conn.upgrade()
	failpoint.Hit("migrate", "done")
	if err == nil {
		_, err = w.conn.exec("COMMIT")
	}
	if err != nil {
		_, undone := w.conn.exec("ROLLBACK")
		return errors.Join(err, undone)
	}
	failpoint.Hit("migrate", "committed")
	return nil
}

func (c *conn) upgrade() error {
	version, err := c.checkVersion() // again, now that nobody else can change it
	if err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		for _, step := range migrations[version] {
			if _, err := c.exec(step); err != nil {
				return fmt.Errorf("migration to version %d: %w", version+1, err)
			}
		}
	}
	if _, err := c.exec("UPDATE about SET schema = ?", len(migrations)); err != nil {
		return err
	}
	for pragma, value := range map[string]int{"application_id": applicationID, "user_version": oldestWriter} {
		if _, err := c.exec(fmt.Sprintf("PRAGMA %s = %d", pragma, value)); err != nil {
			return err
		}
	}
	return nil
}

// waitForVersion is checkVersion while another process may prepare the file. It waits while that locks the file.
func (c *conn) waitForVersion(ctx context.Context, patience time.Duration) (version int, err error) {
	err = retryBusy(ctx, patience, func() error {
		version, err = c.snapshotVersion()
		return err
	})
	return version, err
}

// snapshotVersion is checkVersion in one read transaction: between two transactions another process could make the file, which
// would then have tables and no owner.
func (c *conn) snapshotVersion() (version int, err error) {
	if _, err := c.exec("BEGIN"); err != nil {
		return 0, err
	}
	version, err = c.checkVersion()
	if _, undone := c.exec("ROLLBACK"); undone != nil {
		err = errors.Join(err, undone)
	}
	return version, err
}

// firstAbout is the first schema that the table about names; user_version does for those before.
const firstAbout = 3

// checkVersion returns the schema of the file, or why it is none that this program can use. It may be a later one than this
// program knows, as long as that allows it to write.
func (c *conn) checkVersion() (int, error) {
	ctx := context.Background()
	oldest, err := c.number(ctx, "PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	owner, err := c.number(ctx, "PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	tables, err := c.number(ctx, "SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return 0, err
	case owner != applicationID && (owner != 0 || oldest != 0 || tables > 0):
		return 0, errors.New("is a database of another program; correct path")
	case oldest > int64(len(migrations)):
		return 0, fmt.Errorf("was made by a newer version of this program (it has schema %d, this one knows up to %d); "+
			"use that one, or another file", oldest, len(migrations))
	case oldest < firstAbout:
		return int(oldest), nil
	}
	version, err := c.number(ctx, "SELECT schema FROM about")
	return int(version), err
}

// identity is the name that the file was given when it was made, which no other has.
func (c *conn) identity() (id string, err error) {
	err = c.query(context.Background(), "SELECT store FROM about", func(r row) error {
		id = r.text(0)
		return nil
	})
	return id, err
}
