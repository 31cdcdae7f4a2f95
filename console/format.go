package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ergon-go/ergon/internal/humanize"
)

// counted writes a number that a template has.
func counted(n any) string {
	switch n := n.(type) {
	case int:
		return humanize.Count(n)
	case int64:
		return humanize.Count(n)
	default:
		return fmt.Sprint(n)
	}
}

// rate writes transactions per second. What rounds to 0.00 is 0: a rate that decays has a long tail.
func rate(perSecond float64) string {
	if perSecond < 0.005 {
		return "0"
	}
	return humanize.Rate(perSecond)
}

// took writes a duration; a dash for none.
func took(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return humanize.Duration(d)
}

// ago is how long ago a time was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return humanize.WholeSeconds(max(time.Since(t), 0))
}

func clockTime(t time.Time) string { return t.Local().Format("15:04:05.000") } //nolint:gosmopolitan // for people at their clock

func dateTime(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST") //nolint:gosmopolitan // for people at their clock
}

// word writes an identifier as people do: dead_lettered becomes dead-lettered.
func word(identifier any) string { return strings.ReplaceAll(fmt.Sprint(identifier), "_", "-") }

// tone is whether a word is good, bad or neither: the class of its label.
func tone(word any) string {
	switch fmt.Sprint(word) {
	case outcomeSucceeded, "running", "ok", "ack":
		return "good"
	case "dead_lettered", "handler_failed", outcomeFailed, "stalled", "given_up", "system", "business", "permanent",
		"BUSINESS", "SYSTEM", "reject":
		return "bad"
	case outcomeRequeued, "interrupted", "redelivered", "outage", "paused", "draining", "starting", "restarting", "timeout", "out_of_time",
		"lease_lost", "TIMEOUT", "discarded", "requeue":
		return "warn"
	default:
		return "plain"
	}
}

// pretty writes JSON in lines; what is no JSON stays as it is.
func pretty(value any) string {
	var raw []byte
	switch v := value.(type) {
	case string:
		raw = []byte(v)
	case []byte:
		raw = v
	case json.RawMessage:
		raw = v
	default:
		raw, _ = json.Marshal(v) //nolint:errchkjson // what cannot be written is shown as nothing
	}
	var text bytes.Buffer
	if json.Indent(&text, raw, "", "  ") != nil {
		return string(raw)
	}
	return text.String()
}
