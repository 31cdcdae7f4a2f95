package sqlite

import "context"

// Commits is how many transactions of this process have changed the file.
func Commits(q *Queue) int64 { return q.store.Load().writer.commits }

// Exec runs a statement on the connection that writes.
func Exec(q *Queue, statement string) error {
	return q.store.Load().writer.exclusively(context.Background(), func(c *conn) error {
		_, err := c.exec(statement)
		return err
	})
}

// HoldWriter has all who write wait until release is called.
func HoldWriter(q *Queue) (release func()) {
	w := q.store.Load().writer
	if err := w.turn.begin(context.Background()); err != nil {
		panic(err)
	}
	return w.turn.end
}
