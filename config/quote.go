package config

import (
	"strconv"
	"strings"
)

// quoted is text in quotes; a double-quoted YAML scalar has the same meaning.
func quoted(text string) string { return strconv.Quote(text) }

// abbreviated keeps messages readable, whatever somebody wrote.
func abbreviated(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) > most {
		return strings.ToValidUTF8(string(runes[:most]), "") + "…"
	}
	return text
}
