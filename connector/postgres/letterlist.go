package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// ListDeadLetters returns one page of the letters that match, the latest failure first. A page continues after the previous page, even
// if the last letter of the previous page was deleted.
func (d *DeadLetters) ListDeadLetters(
	ctx context.Context, filter deadletter.Filter, page deadletter.Page,
) ([]deadletter.Letter, error) {
	if page.Limit < 1 {
		return nil, fmt.Errorf("%s: list a page of %d: its limit must be at least 1", d.what, page.Limit)
	}
	c := where(filter)
	if page.After != "" {
		after, err := strconv.ParseInt(page.After, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: list after %q: that is not the key of a letter", d.what, page.After)
		}
		c.and(`(l.failed_at, l.letter) < (coalesce((SELECT failed_at FROM {dead_letters} WHERE letter = ?::bigint),
			(SELECT failed_at FROM {dead_letters} WHERE letter < ?::bigint ORDER BY letter DESC LIMIT 1)), ?::bigint)`, after)
	}
	limit := c.next(page.Limit)
	query := "SELECT " + letterColumns + ", coalesce(q.name, '') FROM {dead_letters} l LEFT JOIN {queues} q ON q.queue = l.queue WHERE " +
		c.String() + " ORDER BY l.failed_at DESC, l.letter DESC LIMIT " + limit
	var letters []deadletter.Letter
	err := d.use(ctx, "list", func(ctx context.Context, s *store) error {
		letters = nil
		rows, err := s.pool.Query(ctx, s.sql(query), c.arguments...)
		if err != nil {
			return err
		}
		return eachRow(rows, func(scan func(into ...any) error) error {
			queue := ""
			l, err := readLetter(scan, &queue)
			if err != nil {
				return err
			}
			history, err := l.Failures(l.key())
			letters = append(letters, deadletter.Letter{
				Record: l.Record, Key: l.key(), Queue: queue, Origin: l.origin(s.id), History: history,
			})
			return err
		})
	})
	return letters, err
}

// GroupDeadLetters counts the letters that match by their fingerprint, the largest group first.
func (d *DeadLetters) GroupDeadLetters(ctx context.Context, filter deadletter.Filter) ([]deadletter.Group, error) {
	c := where(filter)
	query := `SELECT latest.fingerprint, latest.task, latest.category, latest.phase, latest.message, n, first, last FROM (
		SELECT max(letter) AS letter, count(*) AS n, min(failed_at) AS first, max(failed_at) AS last FROM {dead_letters} l
		WHERE ` + c.String() + ` GROUP BY fingerprint) AS kinds JOIN {dead_letters} AS latest USING (letter)
		ORDER BY n DESC, last DESC, latest.fingerprint`
	var groups []deadletter.Group
	err := d.use(ctx, "group", func(ctx context.Context, s *store) error {
		groups = nil
		rows, err := s.pool.Query(ctx, s.sql(query), c.arguments...)
		if err != nil {
			return err
		}
		return eachRow(rows, func(scan func(into ...any) error) error {
			g, err := readGroup(scan)
			groups = append(groups, g)
			return err
		})
	})
	return groups, err
}

func readGroup(scan func(into ...any) error) (g deadletter.Group, err error) {
	var category, phase string
	if err := scan(&g.Fingerprint, &g.Task, &category, &phase, &g.Message, &g.Count, &g.First, &g.Last); err != nil {
		return g, err
	}
	for _, text := range []*string{&g.Fingerprint, &g.Task, &g.Message} {
		*text = read(*text)
	}
	g.Phase, g.First, g.Last = policy.Phase(phase), g.First.UTC(), g.Last.UTC()
	return g, g.Category.UnmarshalText([]byte(category))
}
