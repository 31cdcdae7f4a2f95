package progress

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ergon-go/ergon/internal/humanize"
)

// part of the live line. A narrow terminal leaves out parts with a higher rank first.
type part struct {
	text string
	rank int
}

// line writes the progress in at most width columns.
func (p progress) line(width int, stopping bool) string {
	parts := []part{{p.name, 3}, {p.counts(), 0}}
	add := func(show bool, rank int, text string) {
		if show {
			parts = append(parts, part{text, rank})
		}
	}
	add(p.total > 0 && p.done <= p.total, 2, p.percent())
	add(true, 4, humanize.Rate(p.rate)+"/s")
	add(true, 6, humanize.Count(p.inFlight)+" in flight")
	add(p.failed > 0, 1, humanize.Count(p.failed)+" failed")
	add(p.outage, 1, "outage, probing")
	add(p.returning > 0, 1, "waiting for "+humanize.Count(p.returning)+" requeued")
	add(stopping, 1, "stopping")
	add(p.eta > 0 && !stopping, 5, "ETA "+humanize.WholeSeconds(max(p.eta, time.Second)))
	return fit(parts, width)
}

func (p progress) counts() string {
	if p.total < p.done { // unknown, or some were delivered again
		return humanize.Count(p.done) + " done"
	}
	return humanize.Count(p.done) + "/" + humanize.Count(p.total)
}

// percent is 100 only when everything is done.
func (p progress) percent() string {
	return humanize.Count(p.done*100/max(p.total, 1)) + "%"
}

func fit(parts []part, width int) string {
	for {
		texts := make([]string, len(parts))
		for i := range parts {
			texts[i] = parts[i].text
		}
		line := strings.Join(texts, "  ")
		if utf8.RuneCountInString(line) <= width {
			return line
		}
		if len(parts) == 1 {
			return string([]rune(line)[:max(width, 0)])
		}
		highest := slices.MaxFunc(parts, func(a, b part) int { return a.rank - b.rank })
		parts = slices.DeleteFunc(parts, func(x part) bool { return x == highest })
	}
}

// attributes write the progress for a log line.
func (p progress) attributes() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("task", p.name), slog.Int64("done", p.done), slog.Float64("per_second", math.Round(p.rate*10)/10),
		slog.Int64("in_flight", p.inFlight), slog.Int64("failed", p.failed),
	}
	if p.total >= 0 {
		attrs = append(attrs, slog.Int64("total", p.total))
	}
	if p.eta > 0 {
		attrs = append(attrs, slog.String("eta", humanize.WholeSeconds(max(p.eta, time.Second))))
	}
	if p.returning > 0 {
		attrs = append(attrs, slog.Int64("waiting_for_requeued", p.returning))
	}
	if p.outage {
		attrs = append(attrs, slog.Bool("outage", true))
	}
	return attrs
}
