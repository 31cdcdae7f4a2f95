package sqlite

import (
	"encoding/json"
	"strconv"
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
		keys, err := json.Marshal(numbersOf(f.Keys))
		if err != nil {
			return c, err
		}
		c.and("letter IN (SELECT value FROM json_each(?))", string(keys))
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

// numbersOf leaves out what is no key of a letter.
func numbersOf(keys []string) []int64 {
	numbers := []int64{}
	for _, key := range keys {
		if n, err := strconv.ParseInt(key, 10, 64); err == nil && strconv.FormatInt(n, 10) == key {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func (c condition) String() string {
	if len(c.text) == 0 {
		return "true"
	}
	return strings.Join(c.text, " AND ")
}
