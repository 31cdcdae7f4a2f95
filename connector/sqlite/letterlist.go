package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// ListDeadLetters returns one page of the letters that match, the latest failure first. A page continues after the previous page,
// even if the last letter of the previous page was deleted.
func (d *DeadLetters) ListDeadLetters(
	ctx context.Context, filter deadletter.Filter, page deadletter.Page,
) ([]deadletter.Letter, error) {
	if page.Limit < 1 {
		return nil, fmt.Errorf("%s: list a page of %d: its limit must be at least 1", d.what, page.Limit)
	}
	c, err := where(filter)
	if err != nil {
		return nil, err
	}
	if page.After != "" {
		after, err := strconv.ParseInt(page.After, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: list after %q: that is not the key of a letter", d.what, page.After)
		}
		c.text = append(c.text, `(failed_at, letter) < (coalesce((SELECT failed_at FROM dead_letters WHERE letter = ?),
			(SELECT failed_at FROM dead_letters WHERE letter < ? ORDER BY letter DESC LIMIT 1)), ?)`)
		c.arguments = append(c.arguments, after, after, after)
	}
	query := "SELECT " + letterColumns + ", coalesce(queues.name, '') FROM dead_letters LEFT JOIN queues USING (queue) WHERE " +
		c.String() + " ORDER BY failed_at DESC, letter DESC LIMIT ?"
	var letters []deadletter.Letter
	err = d.read(ctx, "list", func(conn *conn) error {
		letters = nil
		return conn.query(ctx, query, func(r row) error {
			l, err := readLetter(r)
			if err != nil {
				return err
			}
			shown, err := d.show(&l, r.text(letterColumnCount))
			letters = append(letters, shown)
			return err
		}, append(c.arguments, page.Limit)...)
	})
	return letters, err
}

func (d *DeadLetters) show(l *letter, queue string) (deadletter.Letter, error) {
	shown := deadletter.Letter{
		Record: l.record, Key: strconv.FormatInt(l.number, 10), Queue: queue, Origin: l.origin(d.store.Load().id),
	}
	history, err := l.failures()
	shown.History = history
	return shown, err
}

// failures is what the transaction was a dead letter for before.
func (l *letter) failures() (history []deadletter.Failure, err error) {
	text, _ := l.history.(string)
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		return nil, fmt.Errorf("the history of dead letter %d is damaged: %w", l.number, err)
	}
	return history, nil
}

// GroupDeadLetters counts the letters that match by their fingerprint, the largest group first.
func (d *DeadLetters) GroupDeadLetters(ctx context.Context, filter deadletter.Filter) ([]deadletter.Group, error) {
	c, err := where(filter)
	if err != nil {
		return nil, err
	}
	query := `SELECT latest.fingerprint, latest.task, latest.category, latest.phase, latest.message, n, first, last FROM (
		SELECT max(letter) AS letter, count(*) AS n, min(failed_at) AS first, max(failed_at) AS last FROM dead_letters
		WHERE ` + c.String() + ` GROUP BY fingerprint) AS groups JOIN dead_letters AS latest USING (letter)
		ORDER BY n DESC, last DESC, latest.fingerprint`
	var groups []deadletter.Group
	err = d.read(ctx, "group", func(conn *conn) error {
		groups = nil
		return conn.query(ctx, query, func(r row) error {
			g := deadletter.Group{
				Fingerprint: r.text(0), Task: r.text(1), Phase: policy.Phase(r.text(3)), Message: r.text(4),
				Count: r.int(5), First: timeOf(r.int(6)), Last: timeOf(r.int(7)),
			}
			err := g.Category.UnmarshalText([]byte(r.text(2)))
			groups = append(groups, g)
			return err
		}, c.arguments...)
	})
	return groups, err
}
