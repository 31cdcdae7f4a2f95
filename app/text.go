package app

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// oneLine is text without line ends and other control characters, which could play tricks on a terminal.
func oneLine(text string) string {
	return strings.Join(strings.Fields(printable(text)), " ")
}

// printable is text without control characters but for line ends.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// moment writes a time for people; "-" where it is not known.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// clipped shortens the last column of a table so that it fits into the terminal; where there is none it stays as it is.
func (p *program) clipped(rows [][]cell) [][]cell {
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
