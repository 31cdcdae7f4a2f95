package config

import (
	"strconv"
	"strings"
)

// quoted returns text in double quotes, as YAML reads it.
func quoted(text string) string { return strconv.Quote(text) }

// abbreviated limits the length of values in messages.
func abbreviated(text string) string {
	const maxLength = 60
	runes := []rune(text)
	if len(runes) > maxLength {
		return strings.ToValidUTF8(string(runes[:maxLength]), "") + "…"
	}
	return text
}
