package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// errRefused means that the tables do not fit this program. Its message says what to do.
var errRefused = errors.New("the tables do not fit")

// migrationLock is the advisory lock of those who create or update tables: "ergon".
const migrationLock = 0x6572676f6e

const (
	// What a name is, of those that are tables here: 'r' for a table.
	kindsOfTables = `SELECT c.relname::text, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind NOT IN ('r', 'p', 'S', 'i', 'I')`
	aboutIsThere = `SELECT to_regclass($1) IS NOT NULL, current_setting('server_version_num')::bigint, current_schema() IS NOT NULL`
	schemaExists = `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`
	readAbout    = `SELECT schema, oldest_writer, store FROM {about}`
)

// about is the row of the table about.
type about struct {
	schema, oldest int
	store          string
}

// migrate brings the tables up to date as the configuration says, and reads their id.
func (s *store) migrate(ctx context.Context) error {
	found, err := s.readAbout(ctx, s.pool)
	if err != nil {
		return err
	}
	if found.schema < latestSchema {
		if s.config.Migrate != MigrateAuto {
			return s.tooOld(found)
		}
		if found, err = s.update(ctx); err != nil {
			return err
		}
	}
	if found.oldest > latestSchema {
		return fmt.Errorf("%w: they were made by a newer version (schema %d, may be written from schema %d on; this program has %d); "+
			"update this program", errRefused, found.schema, found.oldest, latestSchema)
	}
	s.id = found.store
	return nil
}

func (s *store) tooOld(found about) error {
	if found.schema == 0 {
		return fmt.Errorf("%w: schema %s has none, and migrate is %s; create them with migrate: auto",
			errRefused, quoted(s.schema), s.config.Migrate)
	}
	if s.config.Migrate == MigrateOff && found.oldest <= latestSchema {
		return nil
	}
	return fmt.Errorf("%w: they have schema %d, this program has %d, and migrate is %s; update them with migrate: auto",
		errRefused, found.schema, latestSchema, s.config.Migrate)
}

// querying is a pool, a connection or a transaction.
type querying interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readAbout returns schema 0 if there are no tables. It refuses a server that is too old, and names that are no tables.
func (s *store) readAbout(ctx context.Context, q querying) (found about, err error) {
	var exists, inSchema bool
	var version int64
	if err := q.QueryRow(ctx, aboutIsThere, s.table("about")).Scan(&exists, &version, &inSchema); err != nil {
		return found, err
	}
	if err := checkServer(version); err != nil {
		return found, err
	}
	if err := s.checkKinds(ctx, q); err != nil || !exists {
		return found, err
	}
	err = q.QueryRow(ctx, s.sql(readAbout)).Scan(&found.schema, &found.oldest, &found.store)
	if errors.Is(err, pgx.ErrNoRows) {
		return found, fmt.Errorf("%w: the table %s has no row; restore it, or set another schema or prefix", errRefused, s.table("about"))
	}
	return found, err
}

// tables are the names of all tables.
func tables() []string {
	return []string{"about", "queues", "priorities", "sequence", "items", "returns", "timers", "dead_letters"}
}

func (s *store) checkKinds(ctx context.Context, q querying) error {
	var ours []string
	for _, name := range tables() {
		ours = append(ours, s.prefix+name)
	}
	rows, err := q.Query(ctx, kindsOfTables, s.schema, ours)
	if err != nil {
		return err
	}
	return eachRow(rows, func(scan func(into ...any) error) error {
		var name, kind string
		if err := scan(&name, &kind); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s.%s is %s, must be a table; rename it, or set another schema or prefix",
			errRefused, s.schema, name, kindOf(kind))
	})
}

func kindOf(kind string) string {
	switch kind {
	case "v", "m":
		return "a view"
	case "f":
		return "a foreign table"
	default:
		return "not a table"
	}
}

// update runs the migrations that are missing, in one transaction. Of several programs that start at once one does it.
func (s *store) update(ctx context.Context) (found about, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		var exists bool
		if err := t.QueryRow(ctx, schemaExists, s.schema).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			if _, err := t.Exec(ctx, s.sql("CREATE SCHEMA {schema}")); err != nil {
				return err
			}
		}
		if found, err = s.readAbout(ctx, t); err != nil {
			return err
		}
		for found.schema < latestSchema {
			for _, statement := range migrations[found.schema] {
				if _, err := t.Exec(ctx, s.sql(statement)); err != nil {
					return fmt.Errorf("migration to schema %d: %w", found.schema+1, err)
				}
			}
			if found, err = s.readAbout(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}
