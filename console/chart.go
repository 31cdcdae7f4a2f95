package console

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/ops"
)

// Charts are drawn in units of their own and stretched to where they stand; what is written is beside them.
const (
	chartWidth  = 600.0
	chartHeight = 160.0
)

// chart is a drawing over time.
type chart struct {
	Title string
	// Label says for those who do not see it what it shows.
	Label  string
	Series []drawn
	// Most, Half and Since are written at its axes.
	Most, Half, Since string
	Empty             bool
}

// drawn is one line or area of a chart.
type drawn struct {
	Class, Name, Now string
	Area, Line       string // paths
}

// curve is what is to be drawn: stacked ones lie on those before them.
type curve struct {
	class, name string
	stacked     bool
	value       func(ops.Point) float64
}

// draw makes a chart of points that lie window apart from first to last.
func draw(title string, points []ops.Point, window time.Duration, format func(float64) string, curves ...curve) chart {
	c := chart{Title: title, Since: "−" + shortly(window), Empty: len(points) < 2}
	if c.Empty {
		c.Label = title + ": nothing to show yet"
		return c
	}
	base := make([]float64, len(points))
	tops := make([][]float64, len(curves))
	most := 0.0
	for i, curve := range curves {
		tops[i] = make([]float64, len(points))
		for at, p := range points {
			tops[i][at] = curve.value(p)
			if curve.stacked {
				tops[i][at] += base[at]
			}
			most = max(most, tops[i][at])
		}
		if curve.stacked {
			base = tops[i]
		}
	}
	scale := roundUp(most)
	c.Most, c.Half = format(scale), format(scale/2)
	var said []string
	below := make([]float64, len(points))
	for i, curve := range curves {
		d := drawn{Class: curve.class, Name: curve.name, Now: format(curve.value(points[len(points)-1]))}
		if !curve.stacked || i == 0 { // a line upon another would hide it
			d.Line = path(points, window, tops[i], scale)
		}
		if curve.stacked && slices.ContainsFunc(points, func(p ops.Point) bool { return curve.value(p) > 0 }) {
			d.Area = area(points, window, tops[i], below, scale)
			below = tops[i]
		}
		c.Series = append(c.Series, d)
		said = append(said, fmt.Sprintf("%s now %s", curve.name, d.Now))
	}
	c.Label = fmt.Sprintf("%s over the last %s: %s; at most %s", title, shortly(window), strings.Join(said, ", "), format(most))
	return c
}

// x is where a point lies: the last one at the right edge, whatever is missing on the left.
func x(points []ops.Point, at int, window time.Duration) float64 {
	age := points[len(points)-1].At.Sub(points[at].At)
	return chartWidth * (1 - float64(age)/float64(window))
}

func y(value, scale float64) float64 { return chartHeight * (1 - value/scale) }

func path(points []ops.Point, window time.Duration, values []float64, scale float64) string {
	var b strings.Builder
	for i := range points {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", letter, x(points, i, window), y(values[i], scale))
	}
	return b.String()
}

func area(points []ops.Point, window time.Duration, top, bottom []float64, scale float64) string {
	var b strings.Builder
	b.WriteString(path(points, window, top, scale))
	for i := range slices.Backward(points) {
		fmt.Fprintf(&b, "L%.1f %.1f", x(points, i, window), y(bottom[i], scale))
	}
	return b.String() + "Z"
}

// roundUp is the next number that is easy to read, and so is its half: 2, 4 or 10 with zeros.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 2
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4} {
		if v <= step*power && step*power >= 2 || v <= step*power && v < 1 {
			return step * power
		}
	}
	return 10 * power
}

// shortly writes a round duration: 5 min, 1 h.
func shortly(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// charts are those of a task, or of all.
func (c *console) charts(task string, window time.Duration) []chart {
	points := c.backend.Series(task, window)
	duration := func(v float64) string { return took(time.Duration(v)) }
	whole := func(v float64) string { return humanize.Count(int64(math.Ceil(v))) }
	return []chart{
		draw("Transactions per second", points, window, rate,
			curve{"good", outcomeSucceeded, true, func(p ops.Point) float64 { return p.Succeeded }},
			curve{"bad", outcomeFailed, true, func(p ops.Point) float64 { return p.Failed }},
			curve{"warn", outcomeRequeued, true, func(p ops.Point) float64 { return p.Other }}),
		draw("Latency of an attempt", points, window, duration,
			curve{"strong", "99 %", false, func(p ops.Point) float64 { return float64(p.P99) }},
			curve{"soft", "median", false, func(p ops.Point) float64 { return float64(p.P50) }}),
		draw("In flight", points, window, whole,
			curve{"soft", "in flight", true, func(p ops.Point) float64 { return float64(p.InFlight) }}),
	}
}
