package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reader is the connection of this process that only reads. In SQLite's write-ahead log readers and the writer do not wait
// for each other.
type reader struct {
	conn *conn
	turn turn
}

func openReader(path string, patience time.Duration) (*reader, error) {
	c, err := connect(path)
	if err != nil {
		return nil, err
	}
	for _, pragma := range []string{
		"PRAGMA query_only = ON",
		fmt.Sprintf("PRAGMA busy_timeout = %d", patience.Milliseconds()), // while another process repairs the log of one that died
	} {
		if _, err := c.exec(pragma); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return &reader{conn: c, turn: newTurn()}, nil
}

func (r *reader) read(ctx context.Context, run func(*conn) error) error {
	if err := r.turn.begin(ctx); err != nil {
		return err
	}
	defer r.turn.end()
	return run(r.conn)
}

// snapshot has run see the file as it is at one moment.
func (c *conn) snapshot(run func(*conn) error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := run(c)
	_, ended := c.exec("COMMIT")
	return errors.Join(err, ended)
}

func (r *reader) close(ctx context.Context) error {
	return r.read(ctx, (*conn).close)
}
