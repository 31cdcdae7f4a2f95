package app

import "unicode/utf8"

// heading is the first row of a table on standard output.
func (p *printer) heading(texts ...string) []cell {
	row := cells(texts...)
	for i := range row {
		row[i].paint = p.colors().bold
	}
	return row
}

// clipped shortens the last column of a table so that it fits into the terminal. Elsewhere the table stays as it is.
func (p *printer) clipped(rows [][]cell) [][]cell {
	width, terminal := p.terminal(p.process.Stdout)
	if !terminal || len(rows) == 0 {
		return rows
	}
	last := len(rows[0]) - 1
	for column := range last {
		widest := 0
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[column].text))
		}
		width -= widest + 2
	}
	for _, row := range rows {
		if text := []rune(row[last].text); len(text) > max(width, 1) {
			row[last].text = string(text[:max(width, 1)-1]) + "…"
		}
	}
	return rows
}
