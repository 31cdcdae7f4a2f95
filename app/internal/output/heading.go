package output

import (
	"unicode/utf8"

	"github.com/ergon-go/ergon/app/internal/table"
)

// Heading is the first row of a table on standard output.
func (p *Printer) Heading(texts ...string) []table.Cell {
	row := table.Row(texts...)
	for i := range row {
		row[i].Paint = p.Colors().Bold
	}
	return row
}

// Clipped shortens the last column of a table so that it fits into the terminal. Elsewhere the table stays as it is.
func (p *Printer) Clipped(rows [][]table.Cell) [][]table.Cell {
	width, terminal := p.Terminal(p.Process.Stdout)
	if !terminal || len(rows) == 0 {
		return rows
	}
	last := len(rows[0]) - 1
	for column := range last {
		widest := 0
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[column].Text))
		}
		width -= widest + 2
	}
	for _, row := range rows {
		if text := []rune(row[last].Text); len(text) > max(width, 1) {
			row[last].Text = string(text[:max(width, 1)-1]) + "…"
		}
	}
	return rows
}
