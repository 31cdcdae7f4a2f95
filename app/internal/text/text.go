// Package text prepares text for one line of a terminal.
package text

import (
	"strings"
	"time"
	"unicode"
)

// OneLine is text without line ends and other control characters, which could manipulate a terminal.
func OneLine(text string) string {
	return strings.Join(strings.Fields(Printable(text)), " ")
}

// Printable is text without control characters except line ends.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// Time writes a time in UTC; "-" for none.
func Time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// List joins words as a sentence does: "a, b or c", with last before the last of them.
func List(words []string, last string) string {
	n := len(words)
	if n < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
}
