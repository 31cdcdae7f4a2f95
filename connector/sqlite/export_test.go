package sqlite

import "context"

// Commits is how many transactions of this process have changed the file.
func Commits(q *Queue) int64 { return q.opened().writer.commits }

// Exec runs a statement on the connection that writes.
func Exec(q *Queue, statement string) error {
	return q.opened().writer.exclusively(context.Background(), func(c *conn) error {
		_, err := c.exec(statement)
		return err
	})
}
