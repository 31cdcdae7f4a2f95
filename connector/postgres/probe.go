package postgres

import (
	"context"
	"fmt"
)

// probe returns why open would fail, as far as that can be seen without changing anything.
func (d *database) probe(ctx context.Context) error {
	if err := d.look(ctx); err != nil {
		return d.failed("probe", err)
	}
	return nil
}

// mayCreate tells whether this user may create the schema, or tables in it.
const mayCreate = `SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)
	THEN has_schema_privilege($1, 'CREATE') ELSE has_database_privilege(current_database(), 'CREATE') END`

func (d *database) look(ctx context.Context) error {
	pool, err := connect(ctx, d.config)
	if err != nil {
		return err
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, d.config.StatementTimeout)
	defer cancel()
	s := &store{names: names{schema: d.config.Schema, prefix: d.config.Prefix, now: d.clock}, config: d.config, pool: pool}
	found, err := s.readAbout(ctx, pool)
	switch {
	case err != nil:
		return err
	case found.schema >= latestSchema || d.config.Migrate != MigrateAuto:
		return s.migrate(ctx)
	}
	var may bool
	if err := pool.QueryRow(ctx, mayCreate, d.config.Schema).Scan(&may); err != nil {
		return err
	}
	if !may {
		return fmt.Errorf("%w: this user may not create tables in schema %s; %s", errRefused, quoted(d.config.Schema), cures["42501"])
	}
	return nil
}
