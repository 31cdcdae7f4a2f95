package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ergon-go/ergon/internal/bench"
	"github.com/ergon-go/ergon/internal/humanize"
)

// table is rows of cells; the first row is the head.
type table [][]string

// sideTable has a row for each contestant; each is compared with the first.
func sideTable(rows []bench.Row, by summary) table {
	t := table{{"", "deadline", "ns", "CPU ns", "allocations", "bytes", "per second", by.head, "from – to", "CPU ratio"}}
	for _, r := range rows {
		m := r.Median()
		wall, cpu := r.Ratio(rows[0])
		low, high := r.Spread(rows[0])
		t = append(t, []string{
			r.Name, string(r.Deadline), fmt.Sprintf("%.0f", m.Wall), fmt.Sprintf("%.0f", m.CPU), fmt.Sprintf("%.2f", m.Allocs),
			fmt.Sprintf("%.0f", m.Bytes), humanize.Count(int64(m.Rate())), by.text(wall), by.spread(low, high), fmt.Sprintf("%.2f", cpu),
		})
	}
	return t
}

// String is the table in Markdown, readable as it is, too. The first column is text, the others are figures.
func (t table) String() string {
	widths := make([]int, len(t[0]))
	for _, cells := range t {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	for n, cells := range t {
		for i, cell := range cells {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString("| " + cell + gap + " ")
			} else {
				b.WriteString("| " + gap + cell + " ")
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString("|" + strings.Repeat("-", widths[0]+2))
			for _, w := range widths[1:] {
				b.WriteString("|" + strings.Repeat("-", w+1) + ":")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
