package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// count writes a number with commas: 12,345.
func count[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// counted is count for what templates have.
func counted(n any) string {
	switch n := n.(type) {
	case int:
		return count(n)
	case int64:
		return count(n)
	default:
		return fmt.Sprint(n)
	}
}

// rate writes transactions per second: 0, 0.25, 12, 8,064.
func rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || perSecond < 0.005:
		return "0"
	case perSecond < 10:
		return strconv.FormatFloat(perSecond, 'g', 2, 64)
	default:
		return count(int64(math.Round(perSecond)))
	}
}

// took writes how long something took, in three digits: 12.3 µs, 1.24 s, 2m03s; a dash for nothing.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond), "µs")
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond), "ms")
	case d < time.Minute:
		return digits(d.Seconds(), "s")
	default:
		return about(d)
	}
}

func digits(v float64, unit string) string {
	decimals := 2
	for limit := v; limit >= 10 && decimals > 0; limit /= 10 {
		decimals--
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + " " + unit
}

// about writes a duration in two units at most: 4s, 1m30s, 2h05m, 3d4h.
func about(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch days, hours, minutes := seconds/86400, seconds/3600%24, seconds/60%60; {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%02ds", minutes, seconds%60)
	default:
		return fmt.Sprintf("%ds", seconds)
	}
}

// ago is how long ago a time was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return about(max(time.Since(t), 0))
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
	case "requeued", "interrupted", "redelivered", "outage", "paused", "draining", "starting", "restarting", "timeout", "out_of_time",
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
