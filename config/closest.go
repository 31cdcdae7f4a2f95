package config

import (
	"strings"
)

// Closest returns the one of known that name most probably was meant to be, for "did you mean"; "" where none is near.
func Closest(name string, known []string) string {
	closest, least := "", max(len(name)/3, 1)+1
	for _, k := range known {
		if d := distance([]rune(strings.ToLower(name)), []rune(strings.ToLower(k))); d < least {
			closest, least = k, d
		}
	}
	return closest
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func distance(a, b []rune) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			replace := above[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, replace)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// unknown says that there is no such thing, what it may have meant and what there is.
func unknown(what, plural, name string, known []string) string {
	message := "unknown " + what + " " + quoted(abbreviated(name)) + "; "
	if meant := Closest(name, known); meant != "" {
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
