// Package table aligns cells in columns.
package table

import (
	"strings"
	"unicode/utf8"
)

// Cell is a text in a table. Paint, if set, colors it after it was aligned.
type Cell struct {
	Text  string
	Right bool
	Paint func(string) string
}

// Row makes a row of plain texts.
func Row(texts ...string) []Cell {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i] = Cell{Text: text}
	}
	return row
}

// Format aligns rows in columns, two spaces apart. Each row begins with indent.
func Format(indent string, rows [][]Cell) string {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(c.padded(widths[i]))
		}
		b.WriteString(strings.TrimRight(indent+line.String(), " ") + "\n")
	}
	return b.String()
}

func (c Cell) padded(width int) string {
	text, space := c.Text, strings.Repeat(" ", width-utf8.RuneCountInString(c.Text))
	if c.Paint != nil {
		text = c.Paint(text)
	}
	if c.Right {
		return space + text
	}
	return text + space
}
