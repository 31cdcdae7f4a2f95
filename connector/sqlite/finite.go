package sqlite

import (
	"context"

	"github.com/ergon-go/ergon"
)

// anyUnsettled reads an entry of an index or two.
const anyUnsettled = `SELECT EXISTS (SELECT 1 FROM items WHERE queue = ?1 AND state IN ('ready', 'last', 'behind') AND due_at IS NULL)
	OR EXISTS (SELECT 1 FROM items WHERE queue = ?1 AND state IN ('claimed', 'delayed', 'behind') AND due_at IS NOT NULL)`

// exhausted returns ergon.ErrExhausted for a finite queue in which all is settled.
func (q *Queue) exhausted(ctx context.Context) error {
	if !q.settings.Finite {
		return nil
	}
	var unsettled int64
	err := q.glance(ctx, "look", func(c *conn) (err error) {
		unsettled, err = c.number(context.Background(), anyUnsettled, q.number.Load())
		return err
	})
	if err == nil && unsettled == 0 {
		return ergon.ErrExhausted
	}
	return err
}
