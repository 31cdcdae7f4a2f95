package app

import (
	"strings"
	"unicode/utf8"
)

// cell is a text in a table. Paint, where set, colors it when its place in the column is known.
type cell struct {
	text  string
	right bool
	paint func(string) string
}

func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i] = cell{text: text}
	}
	return row
}

// table aligns rows in columns, two spaces apart; indent stands before each row.
func table(indent string, rows [][]cell) string {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
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

func (c cell) padded(width int) string {
	text, space := c.text, strings.Repeat(" ", width-utf8.RuneCountInString(c.text))
	if c.paint != nil {
		text = c.paint(text)
	}
	if c.right {
		return space + text
	}
	return text + space
}
