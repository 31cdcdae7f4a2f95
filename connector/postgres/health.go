package postgres

import (
	"context"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.HealthChecker = (*Queue)(nil)
	_ capability.HealthChecker = (*DeadLetters)(nil)
)

// isWritable fails on a server that can only be read.
const isWritable = `SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'`

// CheckHealth asks the server whether it can be written.
func (d *database) CheckHealth(ctx context.Context) error {
	return d.use(ctx, "health", func(ctx context.Context, s *store) error {
		var writable bool
		err := s.pool.QueryRow(ctx, s.sql(isWritable)).Scan(&writable)
		if err == nil && !writable {
			return errReadOnly
		}
		return err
	})
}
