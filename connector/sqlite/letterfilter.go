package sqlite

import (
	"encoding/json"
	"strings"

	"github.com/ergon-go/ergon/deadletter"
)

// condition is a part of a statement with its arguments.
type condition struct {
	text      []string
	arguments []any
}

func (c *condition) and(text string, argument any) {
	c.text = append(c.text, text)
	c.arguments = append(c.arguments, argument)
}

// where returns the condition for what a filter matches, besides more.
func where(f deadletter.Filter, more ...string) (condition, error) {
	var c condition
	c.text = append(c.text, more...)
	if len(f.Keys) > 0 {
		keys, err := json.Marshal(f.Keys)
		if err != nil {
			return c, err
		}
		c.and("CAST(letter AS TEXT) IN (SELECT value FROM json_each(?))", string(keys))
	}
	if f.Task != "" {
		c.and("task = ?", f.Task)
	}
	if f.Phase != "" {
		c.and("phase = ?", string(f.Phase))
	}
	if f.Fingerprint != "" {
		c.and("fingerprint = ?", f.Fingerprint)
	}
	if f.Category != nil {
		c.and("category = ?", f.Category.String())
	}
	if !f.FailedAfter.IsZero() {
		c.and("failed_at >= ?", f.FailedAfter.UnixMicro())
	}
	if !f.FailedBefore.IsZero() {
		c.and("failed_at <= ?", f.FailedBefore.UnixMicro())
	}
	return c, nil
}

func (c condition) String() string {
	if len(c.text) == 0 {
		return "true"
	}
	return strings.Join(c.text, " AND ")
}
