// Package humanize writes numbers, durations, rates and sizes for people: in command lines, on pages and in reports. What it
// writes is short and rounded, so nothing should parse it.
package humanize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Count writes a number with commas: 12,345.
func Count[N int | int64](n N) string {
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

// Plural writes a number with the noun that it counts, whose plural ends with s: "1 task", "2 tasks".
func Plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Rate writes a rate without its unit: 0, 0.25, 12, 8,064. Rates that are negative, infinite or not a number are 0.
func Rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || math.IsInf(perSecond, 0) || perSecond <= 0:
		return "0"
	case perSecond < 10:
		return strconv.FormatFloat(perSecond, 'g', 2, 64)
	default:
		return Count(int64(math.Round(perSecond)))
	}
}

// Duration writes a duration with three digits and its unit: 12.3 µs, 1.24 s. From a minute on it is as [WholeSeconds].
func Duration(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return strconv.FormatInt(d.Nanoseconds(), 10) + " ns"
	case d < time.Millisecond:
		return threeDigits(float64(d)/float64(time.Microsecond), "µs")
	case d < time.Second:
		return threeDigits(float64(d)/float64(time.Millisecond), "ms")
	case d < time.Minute:
		return threeDigits(d.Seconds(), "s")
	default:
		return WholeSeconds(d)
	}
}

func threeDigits(v float64, unit string) string {
	decimals := 2
	for limit := v; limit >= 10 && decimals > 0; limit /= 10 {
		decimals--
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + " " + unit
}

// WholeSeconds writes a duration, rounded to seconds, in at most two units: 4s, 1m30s, 2h05m, 3d4h.
func WholeSeconds(d time.Duration) string {
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

// Bytes writes a size, rounded down: 512 B, 1.5 GiB.
func Bytes[N int64 | uint64](n N) string {
	const step = 1024
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for ; value >= step && unit < len(units)-1; unit++ {
		value /= step
	}
	return strconv.FormatFloat(math.Floor(value*10)/10, 'f', -1, 64) + " " + units[unit]
}
