package app

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// thousands writes a number with commas: 12,345.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
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

// counted is a number with what it counts: "1 task", "2 tasks".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(int64(n)) + " " + what + "s"
}

// perSecond writes a rate with its unit: 0.25/s, 12/s, 8,064/s.
func perSecond(rate float64, unit string) string {
	switch {
	case math.IsNaN(rate) || math.IsInf(rate, 0) || rate <= 0:
		return "0" + unit
	case rate < 10:
		return strconv.FormatFloat(rate, 'g', 2, 64) + unit
	default:
		return thousands(int64(math.Round(rate))) + unit
	}
}

// took writes how long something took, in three digits: 12.3 µs, 1.24 s, 2m03s.
func took(d time.Duration) string {
	switch {
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

// about writes a duration in whole seconds: 4s, 1m30s, 2h05m.
func about(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch hours, minutes := seconds/3600, seconds/60%60; {
	case hours > 0:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%02ds", minutes, seconds%60)
	default:
		return fmt.Sprintf("%ds", seconds)
	}
}
