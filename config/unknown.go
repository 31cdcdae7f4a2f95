package config

import (
	"strings"

	"github.com/ergon-go/ergon/internal/suggest"
)

// unknown says that there is no such thing, what it may have meant and what there is.
func unknown(what, plural, name string, known []string) string {
	message := "unknown " + what + " " + quoted(abbreviated(name)) + "; "
	if meant := suggest.One(name, known); meant != "" {
		message += "did you mean " + quoted(meant) + "? "
	}
	return message + knownOnes(plural, known)
}

func knownOnes(plural string, known []string) string {
	if len(known) == 0 {
		return "there are no " + plural
	}
	return "known " + plural + ": " + strings.Join(known, ", ")
}
