package postgres

import (
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/deadletter"
)

// condition is a part of a statement with its arguments.
type condition struct {
	text      []string
	arguments []any
}

// and adds a condition; ? in it is the argument.
func (c *condition) and(text string, argument any) {
	c.text = append(c.text, strings.ReplaceAll(text, "?", c.next(argument)))
}

// next adds an argument and returns its name.
func (c *condition) next(argument any) string {
	c.arguments = append(c.arguments, argument)
	return "$" + strconv.Itoa(len(c.arguments))
}

// where returns the condition for what a filter matches, besides more.
func where(f deadletter.Filter, more ...string) condition {
	c := condition{text: append([]string{"true"}, more...)}
	if len(f.Keys) > 0 {
		c.and("l.letter = ANY (?::bigint[])", numbersIn(f.Keys))
	}
	if f.Task != "" {
		c.and("l.task = ?", storable(f.Task))
	}
	if f.Phase != "" {
		c.and("l.phase = ?", string(f.Phase))
	}
	if f.Fingerprint != "" {
		c.and("hashtextextended(l.fingerprint, 0) = hashtextextended(?::text, 0) AND l.fingerprint = ?::text", storable(f.Fingerprint))
	}
	if f.Category != nil {
		c.and("l.category = ?", f.Category.String())
	}
	if !f.FailedAfter.IsZero() {
		c.and("l.failed_at >= ?", f.FailedAfter)
	}
	if !f.FailedBefore.IsZero() {
		c.and("l.failed_at <= ?", f.FailedBefore)
	}
	return c
}

// numbersIn leaves out what is no key of a letter.
func numbersIn(keys []string) []int64 {
	numbers := []int64{}
	for _, key := range keys {
		if n, err := strconv.ParseInt(key, 10, 64); err == nil && strconv.FormatInt(n, 10) == key {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func (c condition) String() string { return strings.Join(c.text, " AND ") }
